/** How a process interprets the results of a store. */
import type { Awaitable, Change } from "@wsession/core";

/**
 * Applies a synchronous result in the same tick. A store without records of its own relies on this for atomic
 * writes.
 */
export async function applyInSameTick<Result extends { readonly type: string }>(
  answer: Awaitable<Result>,
  apply: (result: Result) => void,
): Promise<Result> {
  if ("type" in answer) {
    apply(answer);
    return answer;
  }
  const result = await answer;
  apply(result);
  return result;
}

export function applied(data: object, change: Change): object {
  if (change.type === "replace") return change.data;
  const kept = Object.entries(data).filter(([name]) => !change.unset.includes(name));
  return { ...Object.fromEntries(kept), ...change.set };
}
