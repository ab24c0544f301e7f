import type { SessionStore } from "./contract.ts";

export interface MapStoreOptions {
  /**
   * How many sessions the store keeps at most. Over the bound the session that has been idle longest is evicted, never one with
   * a live connection. Where the 1,000 sessions that were touched longest ago all have one, the creation rejects with
   * STORE_FULL, and the next search begins behind these.
   *
   * @default 1_000_000
   */
  readonly maxSessions?: number | undefined;
  /** What all sessions together may keep in their outboxes. */
  readonly outbox?:
    | {
        /**
         * Bytes of all kept messages, about; over it the oldest messages go of the session that was sent nothing for longest. A
         * client that comes back to it is told what it missed.
         *
         * @default 268_435_456 (256 MiB)
         */
        readonly maxTotalBytes?: number | undefined;
      }
    | undefined;
}

/** A SessionStore in this process whose sessions can be counted and iterated. */
export interface MapStore extends SessionStore, Iterable<readonly [id: string, data: object]> {
  /**
   * How many sessions the store has. A session past its deadline may be counted until it is swept: within a second of its idle
   * deadline, and not always sooner where its absolute deadline came first.
   */
  readonly size: number;
}
