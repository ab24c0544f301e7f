/** The deadlines of one session, as this process has received them. */
import type { Deadline } from "../base/deadlines.ts";
import type { OwnLifetimes, StoredSession } from "../store/contract.ts";

/**
 * Milliseconds. Two computations of one deadline may differ by this much, because the clocks of the process and of the store differ,
 * and because an answer takes time.
 */
export const DEADLINE_TOLERANCE_MS = 1_000;

/** The deadlines of a session as the store answered them. */
export type KnownDeadlines = Pick<StoredSession, "idleInMs" | "absoluteInMs" | "own">;

/** The deadlines of a session, by this process's monotonic clock. */
export interface Lifetime {
  idleAt: number;
  absoluteAt: number;
  own: OwnLifetimes | undefined;
  /** Whether timers watch the deadlines, because the session has a connection here. */
  isWatched: boolean;
  /** Whether the `expiring` handlers were called for this absolute deadline, and for this idle deadline. */
  hasWarned: boolean;
  hasWarnedOfIdle: boolean;
  /** A message arrived after the last touch in the store. Stays true if the touch fails, so that the touch is tried again. */
  needsTouch: boolean;
  check: Deadline | undefined;
  checkAt: number;
}

/** A part of the idle time. The store's deadline may be earlier than the local one by this much, because a store may skip a touch. */
const SKIPPED_TOUCH = 0.2;

/** Whether a deadline may have passed in the store. `idleMs`: the session's idle time. */
export function isDue({ idleInMs, absoluteInMs }: KnownDeadlines, idleMs: number): boolean {
  const slackMs =
    idleMs === Infinity ? DEADLINE_TOLERANCE_MS : Math.max(DEADLINE_TOLERANCE_MS, idleMs * SKIPPED_TOUCH);
  return absoluteInMs <= DEADLINE_TOLERANCE_MS || idleInMs <= slackMs;
}

/** The part of `LifetimeWatch` that sessions and their handles use. */
export interface LifetimeKeeper<State> {
  /** Stores the deadlines of the store's answer. */
  set(state: State, known: KnownDeadlines): void;
  /** A touch moved the idle deadline. `undefined`: the absolute deadline did not change. */
  touched(state: State, absoluteInMs: number | undefined): void;
  /** Whether a deadline may have passed in the store. */
  isDue(state: State): boolean;
  /** The absolute deadline, milliseconds since the epoch; `Infinity` for never. */
  expiresAt(state: State): number;
  /** The idle deadline, milliseconds since the epoch; `Infinity` for never, and while a connection keeps the session. */
  idleExpiresAt(state: State): number;
}
