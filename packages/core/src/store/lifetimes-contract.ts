/** The part of a store's contract about the lifetimes of single sessions. */
import type { Awaitable } from "@wsession/protocol";
import type { OwnLifetimes, StoredSession } from "./stored-session.ts";

/** Lifetimes that a session gets. */
export interface ExtendRequest {
  /** The session. */
  readonly id: string;
  /** The caller's idle time, milliseconds, for a session without one of its own. */
  readonly idleMs: number;
  /** The lifetimes to store. An absent member stays as it is. */
  readonly own: OwnLifetimes;
  /** Milliseconds from now to the absolute deadline; `Infinity` for none; `undefined`: the deadline stays. */
  readonly absoluteInMs: number | undefined;
}

/** The answer to `extend`. */
export type ExtendResult =
  /** `session` is the session after the change. */
  { readonly type: "extended"; readonly session: StoredSession } | { readonly type: "missing" };

/** The method of a store that keeps lifetimes of single sessions. */
export interface LifetimesMethods {
  /**
   * Stores lifetimes with a session, moves its absolute deadline, and moves its idle deadline to the session's idle time from now,
   * in one step. A store with this member MUST keep the `own` of `create` and `extend` with the session, and return it in
   * `StoredSession`. The store MUST use `own.idleMs` in place of the `idleMs` of every later `touch`, `resume` and `extend`, of any
   * process. The store notifies the other holders of the new deadlines (`extended`).
   *
   * Absent: lifetimes of a single session reject with NOT_SUPPORTED.
   */
  readonly extend?: ((request: ExtendRequest) => Awaitable<ExtendResult>) | undefined;
}
