/** The record of a session in a store. */
import type { Position } from "@wsession/protocol";

/** The record that a session has of one client's numbered messages. */
export interface ClientRecord {
  /** The last number that is settled, from 1. All numbers below it are settled too. */
  readonly settled: number;
  /** Which of the 48 numbers (`WINDOW_MESSAGES`) up to `settled` were refused, ascending. */
  readonly refused: readonly number[];
  /** The first number that the record covers, at least 1. Above 1 if the record was made after an earlier record of the client had been dropped. */
  readonly floor: number;
}

/** The records that a session has of all its clients. */
export interface ClientRecords {
  /** By client id, at most 8. A ninth client takes the place of the client whose last settled number is oldest. */
  readonly byClient: ReadonlyMap<string, ClientRecord>;
  /** The forget mark: 0 at first. Each dropped record changes the mark to another integer of 31 bits. */
  readonly mark: number;
}

/** Lifetimes that a session has of its own, in place of the options of the processes. */
export interface OwnLifetimes {
  /** Milliseconds without a touch after which the session is gone; `Infinity` for never. Absent: the caller's `idleMs` counts. */
  readonly idleMs?: number | undefined;
  /** The milliseconds that the application last gave for the absolute deadline; `Infinity` for never. The store only keeps them. */
  readonly absoluteMs?: number | undefined;
}

/** A consistent copy of a session in the store. */
export interface StoredSession {
  /** 1 at creation. Each applied write adds exactly 1. */
  readonly version: number;
  /**
   * An integer that distinguishes histories of one session, for a store that can lose acknowledged writes (an asynchronous
   * failover, a restart from an older file). After such a loss the same version numbers are used again, for other data. Two records
   * of a session with the same version and lineage are equal. `undefined` is the same as 0, and is for stores that lose nothing
   * while they run.
   */
  readonly lineage?: number | undefined;
  /** The data at this version, of the kind that `capabilities.values` names. */
  readonly data: object;
  /** The owner of the session; `undefined` for none. */
  readonly subject: string | undefined;
  /**
   * 0 until a connection takes the session over with `exclusive`; each takeover raises the fence. If a store can lose a takeover,
   * the next fence must be higher than the lost fence too, because the connection with the lost fence may still be open.
   */
  readonly fence: number;
  /** The application's `schemaVersion` at the write; 0 if it has none. */
  readonly schemaVersion: number;
  /** Milliseconds to the idle deadline by the store's clock at the time of the answer; `Infinity` for none. */
  readonly idleInMs: number;
  /** Milliseconds to the absolute deadline by the store's clock at the time of the answer; `Infinity` for none. */
  readonly absoluteInMs: number;
  /** The lifetimes that the session has of its own. `undefined`: none. */
  readonly own?: OwnLifetimes | undefined;
  /** The end of the session's outbox, from the same moment. `undefined`: no message was ever appended (offset 0, chain 0). */
  readonly outbox?: Position | undefined;
  /**
   * The session's client records, from the same moment. `undefined`: no client settled a number, and no record was dropped.
   */
  readonly clients?: ClientRecords | undefined;
}
