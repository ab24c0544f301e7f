/**
 * The data that a tool for operators reads from Redis: `@wsession/store-redis/inspection`. It contains no token and no digest of
 * a token.
 */
import type { OwnLifetimes, PresenceType } from "@wsession/core";
import type { CheckReport } from "./findings.ts";

/** The connections of one process to a session, as the record has them. */
export interface InspectedHolder {
  /** The unique name of the process. */
  readonly process: string;
  /** The option `node` of that process, or `process`. */
  readonly node: string;
  /** The number of connections that the process last recorded. */
  readonly connections: number;
}

/** The messages that are kept for a session. */
export interface InspectedOutbox {
  /** How many messages the outbox has. */
  readonly messages: number;
  /** The length of these messages together, bytes. */
  readonly bytes: number;
  /** The offset of the last message. */
  readonly offset: number;
}

/** A live session. */
export interface InspectedSession {
  /** As `session.id`. */
  readonly id: string;
  /** The owner of the session; `undefined` for none. */
  readonly subject: string | undefined;
  /** 1 at creation. Each applied write adds exactly 1. */
  readonly version: number;
  /** 0 until a connection takes the session over; each takeover raises the fence. */
  readonly fence: number;
  /** The application's `schemaVersion` at the last write; 0 if it has none. */
  readonly schemaVersion: number;
  /** At most this many bytes of data. */
  readonly bytes: number;
  /** Milliseconds to the idle deadline by the server's clock; `Infinity` for none. */
  readonly idleInMs: number;
  /** Milliseconds to the absolute deadline by the server's clock; `Infinity` for none. */
  readonly absoluteInMs: number;
  /** The session's own lifetimes, in place of the options of `createSessions`. */
  readonly own: OwnLifetimes | undefined;
  /** The processes with a connection, also those that have crashed and are not removed yet. */
  readonly holders: readonly InspectedHolder[];
  /** `undefined`: no message was ever kept for the session. */
  readonly outbox: InspectedOutbox | undefined;
}

/** The record under the id of a session. */
export type InspectedRecord =
  | { readonly type: "session"; readonly session: InspectedSession }
  /** A tombstone. */
  | {
      readonly type: "destroyed";
      readonly id: string;
      readonly reason: string | undefined;
      /** A newer login of its subject ended the session. */
      readonly replaced: boolean;
    }
  /** The record is past a deadline: the session is absent, and the record is about to be deleted. */
  | { readonly type: "expired"; readonly id: string }
  | { readonly type: "missing"; readonly id: string }
  /** This release can't read the record. */
  | { readonly type: "unreadable"; readonly id: string };

/** The index of a subject. */
export interface InspectedIndex {
  /** The first characters of the SHA-256 of the subject. */
  readonly hash: string;
  /** How many ids the index lists. */
  readonly entries: number;
  /** Entries without a live session of the subject. */
  readonly dead: number;
}

/** The result of one step of a scan. */
export interface ScanStep {
  /** The records of this step, in no order. */
  readonly records: readonly InspectedRecord[];
  /** The indexes of this step, in no order. */
  readonly indexes: readonly InspectedIndex[];
  /** The part of all keys that the scan has looked at, from 0 to 1; `undefined` if the number of keys is unknown. */
  readonly progress: number | undefined;
}

/** A subject, with the sessions that its index lists. */
export interface InspectedSubject {
  /** The requested subject. */
  readonly subject: string;
  /** The live sessions of the subject, in no order. */
  readonly sessions: readonly InspectedSession[];
  /** Ids that the index lists, without a live session of the subject. */
  readonly dead: readonly string[];
  /** Ids of records that this release can't read. */
  readonly unreadable: readonly string[];
  /** When the subject's sessions were last destroyed, milliseconds by the server's clock. Redis drops this time after at least a day. */
  readonly destroyedAt: number | undefined;
}

/** The memory of one server. */
export interface InspectedMemory {
  /** `host:port` on a Cluster; "" for a single server. */
  readonly server: string;
  /** `used_memory` of the server: all keys and buffers, of all applications. */
  readonly usedBytes: number;
  /** 0 for no limit. */
  readonly maxBytes: number;
}

/** A message of the store's channels. */
export type BusEvent =
  | {
      readonly type: "destroyed";
      readonly id: string;
      readonly reason: string | undefined;
      readonly replaced: boolean;
    }
  | { readonly type: "changed"; readonly id: string; readonly version: number }
  | { readonly type: "sent"; readonly id: string; readonly offset: number }
  | { readonly type: "taken-over"; readonly id: string; readonly fence: number }
  | { readonly type: "extended"; readonly id: string }
  | { readonly type: "subject-destroyed"; readonly subject: string; readonly reason: string | undefined }
  | { readonly type: "presence"; readonly id: string; readonly state: PresenceType }
  /** The connection was established, or was lost. Messages between a loss and the next connection do not arrive. */
  | { readonly type: "listening" }
  | { readonly type: "interrupted"; readonly cause: string };

/** Listens to the channels of the store. */
export interface Bus {
  /** Listens also on the channels of these processes. The processes are given by their unique names, as in `InspectedHolder`. */
  follow(processes: Iterable<string>): void;
  /** Ends the subscription. No event follows. */
  close(): void;
}

/** Reads the sessions of a `redisStore` without taking part: it holds no session, has no lease, and changes nothing. */
export interface RedisInspection {
  /**
   * All sessions and indexes of subjects, in steps. Each session comes once. If a shard of a Cluster does not answer, the error is
   * thrown last.
   */
  scan(): AsyncIterable<ScanStep>;
  /** The record of one session, whatever state it is in. */
  record(id: string): Promise<InspectedRecord>;
  /**
   * The data of a live session; `undefined` if there is no such session.
   *
   * @throws CORRUPT_RECORD, as a rejection.
   */
  data(id: string): Promise<object | undefined>;
  /**
   * The sessions of one subject.
   *
   * @throws INVALID_ARGUMENT for a subject that is empty, no string, or not well-formed Unicode.
   */
  subject(subject: string): Promise<InspectedSubject>;
  /** Whether the process has its lease. */
  isAlive(process: string): Promise<boolean>;
  /** The bytes of a session's keys in Redis; `undefined` if the user has no right to MEMORY USAGE, or if there is no such key. */
  memoryOf(id: string): Promise<number | undefined>;
  /** The memory of each server; of all primaries on a Cluster. */
  memory(): Promise<readonly InspectedMemory[]>;
  /**
   * Listens to the channels of the store, until `close`. An error of `onEvent`, also the rejection of a promise that it returns,
   * becomes a warning of the process (`WsessionWarning`).
   */
  listen(onEvent: (event: BusEvent) => void): Bus;
  /** Runs the checks by which a store decides whether it can use a server, and more. Settles within about ten times `timeoutMs`. */
  check(): Promise<CheckReport>;
  /** Ends the connections of this inspection. The client that was passed stays open. */
  close(): void;
}
