import type { Awaitable } from "@wsession/protocol";

/** `NEXT_MICROTASK.then` runs a function in a microtask, at a third of the cost of `queueMicrotask`. */
export const NEXT_MICROTASK: Promise<void> = Promise.resolve();

/** Whether a value is a promise of any class: a callback may return the promise of another library. */
export function isThenable<T>(value: Awaitable<T>): value is PromiseLike<T> {
  return typeof value === "object" && value !== null && "then" in value && typeof value.then === "function";
}

/** The result of a handler as a promise; `undefined` if the result is not a promise. */
export function promiseOf(result: unknown): Promise<unknown> | undefined {
  if (result instanceof Promise) return result;
  return isThenable(result) ? Promise.resolve(result) : undefined;
}

/**
 * Applies an answer of a store, in the same tick if the store answers synchronously. Otherwise a call between the answer and its
 * effect here would use the state from before the answer (race).
 */
export function applied<Answer, Result>(
  answer: Awaitable<Answer>,
  apply: (answer: Answer) => Result,
): Awaitable<Result> {
  return isThenable(answer) ? Promise.resolve(answer).then(apply) : apply(answer);
}

/** Ignores a result. Catches the rejection of a promise, because otherwise the rejection ends the process (I12). */
export function disregard(result: unknown): void {
  promiseOf(result)?.catch(() => undefined);
}

/**
 * Calls a function of the application for whose end no caller waits. Passes what it throws, or the rejection of its promise, to
 * `failed`. Returns the promise, which never rejects.
 */
export function callDetached(
  call: () => unknown,
  failed: (error: unknown) => void,
): Promise<unknown> | undefined {
  try {
    return promiseOf(call())?.catch(failed);
  } catch (error) {
    failed(error);
    return undefined;
  }
}

/**
 * Whether a callback that must be synchronous returned a promise. The promise is refused and never awaited, so its rejection is
 * caught here, because otherwise the rejection ends the process (I12).
 */
export function isRefusedPromise(value: unknown): boolean {
  const promise = promiseOf(value);
  promise?.catch(() => undefined);
  return promise !== undefined;
}
