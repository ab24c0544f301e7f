import type { SessionStore } from "./contract.ts";

export interface MapStoreOptions {
  /**
   * Over it the session that has been idle longest goes, never one with a live connection; STORE_FULL where there is none
   * among the 1,000 that were touched longest ago (the next search begins behind these). Default 1,000,000.
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

/** A SessionStore in this process that can be counted and searched. */
export interface MapStore extends SessionStore, Iterable<readonly [id: string, data: object]> {
  /**
   * Sessions that are there; ones past their deadline may be counted until they are swept: within a second of the idle
   * deadline, and not always sooner where the absolute one came first.
   */
  readonly size: number;
}
