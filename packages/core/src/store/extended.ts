import type { ExtendRequest } from "./lifetimes-contract.ts";
import type { OwnLifetimes, StoredSession } from "./stored-session.ts";

/** The lifetimes of a session after `extend`: its own, its idle time, and the milliseconds to its absolute deadline. */
export function extended(
  session: Pick<StoredSession, "own" | "absoluteInMs">,
  request: ExtendRequest,
): { readonly own: OwnLifetimes | undefined; readonly idleMs: number; readonly absoluteInMs: number } {
  const { idleMs = session.own?.idleMs, absoluteMs = session.own?.absoluteMs } = request.own;
  return {
    own: idleMs === undefined && absoluteMs === undefined ? undefined : { idleMs, absoluteMs },
    idleMs: idleMs ?? request.idleMs,
    absoluteInMs: request.absoluteInMs ?? session.absoluteInMs,
  };
}
