/** The part of a store's contract that core implements: what a store reads of the process, and what it reports. */
import type { AppendedEvent } from "./outbox-contract.ts";
import type { OwnLifetimes, StoredSession } from "./stored-session.ts";
import type { Change } from "./write-contract.ts";

/**
 * A change that another process made to a session of this process. An event is a hint: a lost event costs time, not
 * correctness.
 */
export type StoreEvent =
  /** A write. A small `change` is included; it leads from `version - 1` of the lineage `after` to `version`. */
  | {
      readonly type: "written";
      readonly id: string;
      readonly version: number;
      readonly lineage?: number | undefined;
      readonly after?: number | undefined;
      readonly change: Change | undefined;
    }
  /** The whole session was read again. */
  | {
      readonly type: "loaded";
      readonly id: string;
      readonly session: StoredSession;
      /** The store has lost changes that the held session had when the read began: adopt the older record. */
      readonly behind?: boolean | undefined;
    }
  | {
      readonly type: "destroyed";
      readonly id: string;
      readonly reason: string | undefined;
      /** A newer login of the subject ended the session: its connections end with 4409. */
      readonly replaced?: boolean | undefined;
    }
  | { readonly type: "expired"; readonly id: string }
  /** The deadlines moved, by a touch or by `extend`. `own` as in StoredSession, of the same moment. */
  | {
      readonly type: "extended";
      readonly id: string;
      readonly idleInMs: number;
      readonly absoluteInMs: number;
      readonly own?: OwnLifetimes | undefined;
    }
  /** Another connection took the session over: connections with a lower fence end. */
  | { readonly type: "replaced"; readonly id: string; readonly fence: number }
  | AppendedEvent;

/** A session with a live connection in this process, with the host's data. `outbox` is the last known end of the outbox. */
export interface HeldSession extends StoredSession {
  /** How many live connections of this process the session has. 0 while the close handler of the last connection runs. */
  readonly connections: number;
}

/** The callbacks of core for a store. */
export interface StoreHost {
  /** The session, if it has a live connection in this process. */
  held(id: string): HeldSession | undefined;
  /** The ids of all such sessions, in no order. */
  heldIds(): Iterable<string>;
  /**
   * Applies a change of another process. Returns how many connections of this process the event ended. Never throws. MUST be
   * called from the store's own I/O, not inside one of its methods: `change` handlers run before `notify` returns, and would
   * then run inside the application's call (reentrancy).
   */
  notify(event: StoreEvent): number;
  /** Reports a failure that no caller waits for. Never throws. */
  onError(error: unknown): void;
}
