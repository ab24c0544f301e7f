/** What a store has of a session. */
import type { Position } from "@wsession/protocol";

/** What a session remembers of one client: the record of its numbered messages. */
export interface ClientRecord {
  /** The last number that is settled, from 1. All numbers below it are settled too. */
  readonly settled: number;
  /** Which of the 48 numbers (`WINDOW_MESSAGES`) up to `settled` were refused, ascending. */
  readonly refused: readonly number[];
  /** The record says nothing about numbers below this one, from 1: it was made after the client had been forgotten. */
  readonly floor: number;
}

/** What a session remembers of all its clients. */
export interface ClientRecords {
  /** By client id. At most 8: of more, the client that settled a number longest ago is forgotten. */
  readonly byClient: ReadonlyMap<string, ClientRecord>;
  /** The forget mark: 0, and another integer of 31 bits after each record that was dropped. */
  readonly mark: number;
}

/** A consistent copy of a session in the store. */
export interface StoredSession {
  /** 1 at creation. Each applied write adds exactly 1. */
  readonly version: number;
  /**
   * An integer that distinguishes histories of one session, for a store that can lose acknowledged writes (an asynchronous
   * failover, a restart from an older file): the same versions come up again then, with other data. Two records of a session
   * with the same version and lineage are alike. `undefined` is the same as 0, and for stores that lose nothing while they run.
   */
  readonly lineage?: number | undefined;
  readonly data: object;
  readonly subject: string | undefined;
  /**
   * 0 until a connection takes the session over with `exclusive`; each takeover raises the fence. Where a store can lose a
   * takeover, the next fence must be higher than the lost one too, because the connection that has the lost one may live on.
   */
  readonly fence: number;
  /** The application's `schemaVersion` at the write; 0 if it has none. */
  readonly schemaVersion: number;
  /** Milliseconds to the idle deadline by the store's clock at the time of the answer; `Infinity` for none. */
  readonly idleInMs: number;
  /** Milliseconds to the absolute deadline by the store's clock at the time of the answer; `Infinity` for none. */
  readonly absoluteInMs: number;
  /** The end of the session's outbox, from the same moment. `undefined`: no message was ever appended (offset 0, chain 0). */
  readonly outbox?: Position | undefined;
  /**
   * The records of its clients' numbers, from the same moment. `undefined`: no client settled a number, and no record was
   * forgotten.
   */
  readonly clients?: ClientRecords | undefined;
}
