import { assertCount, assertOptions } from "../base/arguments.ts";
import type { SessionStore } from "./contract.ts";

/** The options of `mapStore`. */
export interface MapStoreOptions {
  /**
   * The highest number of sessions. Above it the store evicts the session that has been idle longest, and never a session with a
   * live connection. If all of the 1,000 sessions that were touched longest ago have a connection, the creation rejects with
   * STORE_FULL, and the next search starts after these sessions.
   *
   * @default 1_000_000
   */
  readonly maxSessions?: number | undefined;
  /** The limits of all outboxes together. */
  readonly outbox?:
    | {
        /**
         * The approximate bytes of all kept messages. Over the limit the store drops the oldest messages of the session whose last
         * append is oldest. A client that returns to that session gets the missed offsets.
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
   * How many sessions the store has. An expired session may be counted until the sweep removes it, at the latest a second after
   * its idle deadline, even if its absolute deadline passed before that. Each 1,000 sessions with an idle time of their own may
   * delay the removal by another second.
   */
  readonly size: number;
}

/** Fills in the defaults. Throws INVALID_ARGUMENT for an invalid or unknown option. */
export function resolveMapOptions(options: MapStoreOptions): {
  readonly maxSessions: number;
  readonly maxTotalBytes: number;
} {
  assertOptions("mapStore", options, ["maxSessions", "outbox"]);
  const { maxSessions = 1_000_000, outbox = {} } = options;
  assertCount("mapStore: maxSessions", maxSessions);
  assertOptions("mapStore: outbox", outbox, ["maxTotalBytes"]);
  const { maxTotalBytes = 256 * 1024 * 1024 } = outbox;
  assertCount("mapStore: outbox.maxTotalBytes", maxTotalBytes);
  return { maxSessions, maxTotalBytes };
}
