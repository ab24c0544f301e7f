/** The contract of a store. Writes, messages, transactions, subjects, presence, lifetimes and health have files of their own. */
import type { Awaitable, Position } from "@wsession/protocol";
import type { CommitMethods } from "./commit-contract.ts";
import type { HealthMethods } from "./health-contract.ts";
import type { StoreHost } from "./host-contract.ts";
import type { LifetimesMethods } from "./lifetimes-contract.ts";
import type { OutboxMethods } from "./outbox-contract.ts";
import type { ReleaseReason, PresenceMethods } from "./presence-contract.ts";
import type { StoreDestroyResult, StorePresence } from "./reports.ts";
import type { OwnLifetimes, StoredSession } from "./stored-session.ts";
import type { SubjectLimit, SubjectMethods } from "./subject-contract.ts";
import type { WriteRequest, WriteResult } from "./write-contract.ts";

export type { HeldSession, StoreEvent, StoreHost } from "./host-contract.ts";
export type { HealthMethods, StoreHealth } from "./health-contract.ts";
export type { NodePresence, StoreDestroyResult, StorePresence } from "./reports.ts";
export type { ExtendRequest, ExtendResult } from "./lifetimes-contract.ts";
export type { OwnLifetimes, StoredSession } from "./stored-session.ts";
export type { Change, Fields, WriteRequest, WriteResult } from "./write-contract.ts";

/** The features of a store. */
export interface StoreCapabilities {
  /** Whether sessions outlive their connections, so that a client can come back. */
  readonly resumable: boolean;
  /** Whether other processes can read the sessions. */
  readonly shared: boolean;
  /** `"any"`: the store keeps values as they are, by reference. `"json"`: it keeps only values that JSON can represent. */
  readonly values: "any" | "json";
  /** Whether the store has `append` and `read`, and so keeps messages for clients that are away. Absent: false. */
  readonly outbox?: boolean | undefined;
}

/** The application's decision about a subject, as part of the request that carries the decision out. */
export interface Decision {
  /**
   * When the application named the subject, by `performance.now()` of this process; `undefined`: at the time of the call. A shared
   * store answers `revoked` if any process destroyed the subject's sessions after that time, or if this is uncertain. A store that
   * ignores the time misses a destruction by another process between the decision and the request (time of check to time of use).
   */
  readonly decidedAt?: number | undefined;
  /**
   * How many sessions the subject may have, this one included; `undefined` for no limit. Over the limit the store ends the sessions
   * whose logins were first, as if destroyed, and their holders get `destroyed` with `replaced`; or it answers `crowded`. All
   * logins of a subject MUST have one total order, over all processes. Otherwise simultaneous logins leave too many sessions, or
   * none. A store obeys the limit before it answers. Core sets it only for a store that has `takeOverSubject`.
   */
  readonly limit?: SubjectLimit | undefined;
}

/** The answers to a request with a `limit`. */
export type OverLimit =
  /** The subject has as many sessions as it may (`over: "refuse"`). Nothing was changed. */
  | { readonly type: "crowded" }
  /** Later logins of the subject ended this session before the call was answered (`over: "oldest"`). */
  | { readonly type: "replaced" };

/** A session that is to be created. */
export interface CreateRequest extends Decision {
  /** The id of the new session. */
  readonly id: string;
  /** Base64url SHA-256 of the verifier; `undefined` for a session without a token. */
  readonly digest: string | undefined;
  /** The data, of the kind that `capabilities.values` names. */
  readonly data: object;
  /** The owner of the session; `undefined` for none. */
  readonly subject: string | undefined;
  /** The application's `schemaVersion`, which is stored with the data. */
  readonly schemaVersion: number;
  /** Milliseconds without a touch after which the session is gone; `Infinity` for never. */
  readonly idleMs: number;
  /** Milliseconds from creation after which the session is gone; `Infinity` for never. */
  readonly absoluteMs: number;
  /** Lifetimes that the session keeps. `idleMs` and `absoluteMs` have their values already. */
  readonly own?: OwnLifetimes | undefined;
  /** Counts one connection of this process, which is then a holder of the session, in the same step. `release` subtracts the connection. */
  readonly hold: boolean;
  /** The holder takes the session over: the fence starts at 1. */
  readonly exclusive: boolean;
}

/** The answer to `create`. */
export type CreateResult =
  | {
      readonly type: "created";
      readonly session: StoredSession;
      /** The sessions that the login ended because of `limit`, unless the store has ended their connections here by `notify`. */
      readonly ended?: readonly string[] | undefined;
    }
  | OverLimit
  /** A session or a tombstone with this id exists. Nothing was changed. */
  | { readonly type: "exists" }
  /** The subject's sessions were destroyed while this one was being created. */
  | { readonly type: "revoked" }
  /** The store is full, and may not evict any session. */
  | { readonly type: "full" };

/** A session that a client, or the application, requests. */
export interface ResumeRequest {
  /** The id that the token names, or that the application named. */
  readonly id: string;
  /** Base64url SHA-256 of the presented verifier; `undefined` if the application named the session itself (`admit`). */
  readonly digest: string | undefined;
  /**
   * The new digest. Given if the carrier may have presented a renewal code: the client then gets a new verifier. `undefined`: a
   * renewal code is wrong.
   */
  readonly nextDigest: string | undefined;
  /** The required subject; `undefined` if none is required. A session that the application named by id may have no subject yet. */
  readonly subject: string | undefined;
  /** Milliseconds, for a session without an idle time of its own; `Infinity` for never. */
  readonly idleMs: number;
  /** As in CreateRequest. */
  readonly hold: boolean;
  /** The holder takes the session over: the fence rises. Core sets it only for a store without `takeOver`. */
  readonly exclusive: boolean;
  /**
   * False: the idle deadline does not change, because an automatic reconnect is not activity (OWASP: idle timeout). True or absent:
   * the idle deadline moves to now + `idleMs`. A store that ignores this member keeps such sessions alive.
   */
  readonly touch?: boolean | undefined;
}

/** The answer to `takeOver`. */
export type TakeOverResult =
  /** The new fence. Connections with a lower fence have been replaced. */
  { readonly type: "taken"; readonly fence: number } | { readonly type: "missing" };

/**
 * Which secret matched: the current one, the replaced one within its grace period, or a renewal code; `"none"` if no secret was
 * required.
 */
export type ResumedBy = "current" | "previous" | "renewal" | "none";

/** The answer to `resume`. */
export type ResumeResult =
  | { readonly type: "resumed"; readonly session: StoredSession; readonly by: ResumedBy }
  | { readonly type: "missing" }
  /** The verifier is wrong, or the session has no verifier. Nothing was changed. */
  | { readonly type: "wrong" }
  /** The previous verifier, after its grace period: two parties have had this session's token. Nothing was changed. */
  | { readonly type: "stolen" }
  /** The secret is right, but the session has another subject, or none. Nothing was changed. */
  | { readonly type: "foreign" };

/** A session whose token is to be replaced. With a subject the session gets the subject in the same step. */
export interface RotateRequest extends Decision {
  /** The session, which keeps its id. */
  readonly id: string;
  /** Base64url SHA-256 of the new verifier. */
  readonly digest: string;
  /** Base64url SHA-256 of the single-use renewal code. */
  readonly renewalDigest: string;
  /** Milliseconds for which the renewal code is valid. */
  readonly renewalMs: number;
  /** Milliseconds for which the replaced digest stays valid; 0: it becomes invalid at once. */
  readonly graceMs: number;
  /** Sets the subject too (login); adds 1 to the version. */
  readonly subject: string | undefined;
  /**
   * With a subject: answers `foreign`, and changes nothing, if the session has another subject. A store that ignores this member
   * has a race: if two subjects log in to one session without a subject at once, the later one gets the session.
   */
  readonly onlyUnowned?: boolean | undefined;
  /**
   * Base64url SHA-256 of the verifier to replace: answers `foreign`, and changes nothing, if it is not the current one. A store that
   * ignores this member has a race: of two requests of one browser that replace the token at once, the browser may keep the
   * token that is already invalid.
   */
  readonly replaces?: string | undefined;
  /** Refuse if the session's fence is higher, as a write does; `undefined` for an administrative call. */
  readonly fence: number | undefined;
  /** The caller's version, as in WriteRequest. */
  readonly known: number;
  /** The lineage of `known`, as in WriteRequest. */
  readonly lineage?: number | undefined;
}

/** The answer to `rotate`. */
export type RotateResult =
  | {
      readonly type: "rotated";
      readonly version: number;
      /** As in WriteResult. */
      readonly lineage?: number | undefined;
      readonly session: StoredSession | undefined;
      /**
       * The end of the outbox in this step, if the session had another subject, and messages. No client may get the messages up to this
       * end any more, also if their announcement comes late. A store without announcements does not need this field.
       */
      readonly passedOnAt?: Position | undefined;
      /** The sessions that the login ended because of `limit`, unless the store has ended their connections here by `notify`. */
      readonly ended?: readonly string[] | undefined;
    }
  | OverLimit
  | { readonly type: "missing" }
  | { readonly type: "fenced" }
  /**
   * The session has another subject, and the request has `onlyUnowned`; or `replaces` is not the current digest. Nothing was changed.
   */
  | { readonly type: "foreign" }
  /** The subject's sessions were destroyed while this session was about to get the subject. Nothing was changed. */
  | { readonly type: "revoked" };

/**
 * Where sessions live. A store keeps them by id, and the data is opaque to it.
 *
 * A store MUST:
 * - never overwrite with `create`, and never create with `write`, `touch`, `rotate` or `destroy` (I9);
 * - treat a session past either deadline as absent in every answer, swept or not;
 * - apply `write` atomically, and answer a version conflict with the current session in the same call (I8);
 * - for a change of fields, change only the named fields;
 * - refuse a destroyed id until the deadline of every write that was sent before has passed;
 * - reject every failed write with a SessionError that has an `outcome` (I11); absence is a value, not an error;
 * - compare digests, and change nothing if they differ.
 *
 * A store MUST NOT decode, log or report data, digests or tokens; MUST NOT hang: every call settles in bounded time.
 *
 * Core promises: At most one `write`, `rotate`, `append` or `commit` of a session is in progress in one process. `attach` is called
 * once, before any other call. Ids have 1 to 64 characters of base64url, also if the application chose them. Each `hold` has one
 * `release`. A method that needs no I/O may answer with a plain value, in the same tick.
 */
export interface SessionStore
  extends OutboxMethods, CommitMethods, LifetimesMethods, PresenceMethods, SubjectMethods, HealthMethods {
  /** The features of the store. */
  readonly capabilities: StoreCapabilities;
  /** Called once, by `createSessions`. A second call throws INVALID_ARGUMENT. MUST NOT wait for a connection. */
  attach(host: StoreHost): void;
  /** Creates a session. Never overwrites a session or a tombstone (I9). */
  create(request: CreateRequest): Awaitable<CreateResult>;
  /** Checks the digest, touches, and registers the holder, in one step. */
  resume(request: ResumeRequest): Awaitable<ResumeResult>;
  /**
   * Raises the fence for an existing connection, and notifies the other holders, as `resume` does with `exclusive`. With this
   * member core never calls `resume` with `exclusive`, so a handshake that is never answered does not take the session over. A
   * store without the member takes over in `resume`, and the older connection ends even if the newer one never opens.
   */
  readonly takeOver?: ((id: string) => Awaitable<TakeOverResult>) | undefined;
  /** Reads the session itself, never a copy that may be older. Does not touch. Rejects with CORRUPT_RECORD for a bad record. */
  load(id: string): Awaitable<StoredSession | undefined>;
  /** Changes the data of a session, as one atomic step (I8). */
  write(request: WriteRequest): Awaitable<WriteResult>;
  /**
   * Moves the idle deadline to now + `idleMs`, or by the idle time that the session has of its own. Moves the absolute one if
   * `absoluteMs` is given. Answers false if the session is gone.
   */
  touch(id: string, idleMs: number, absoluteMs?: number): Awaitable<boolean>;
  /** Replaces the token of a session, and sets its subject. The replaced digest stays valid for `graceMs`. */
  rotate(request: RotateRequest): Awaitable<RotateResult>;
  /**
   * Destroys the session everywhere. With `confirm`, waits, within a limit, until the other holders report the connections that
   * they closed.
   */
  destroy(id: string, reason: string | undefined, confirm: boolean): Awaitable<StoreDestroyResult>;
  /**
   * One connection of the session has ended in this process. Called once for each `create` or `resume` with `hold` that succeeded,
   * after its answer; a store MUST ignore any other call. If sessions do not outlive connections, the session ends.
   * `reason`: why the connection ended, if the client left or the session expired; `undefined` for any other end. A store that
   * ignores the reason treats a client that left as a lost connection.
   */
  release(id: string, reason?: ReleaseReason): Awaitable<void>;
  /**
   * The ids of live sessions, in no order. MUST yield each id at most once. MUST yield a session that exists from the beginning to
   * the end of the iteration exactly once, also if the session is touched, written or resumed meanwhile. A session that is
   * created or ends meanwhile may be left out. MUST end, even if sessions are created meanwhile.
   */
  ids(): AsyncIterable<string>;
  /**
   * The ids of a subject's live sessions, in no order. With `unread`, also the ids that the store lists for the subject and can't read
   * now, because a part of the store does not answer. Such a session may be gone, or another subject's. A store that ignores `unread`
   * makes `sendToSubject` count no failure for these sessions.
   */
  bySubject(subject: string, unread?: boolean): Awaitable<readonly string[]>;
  /** Destroys all sessions of a subject, also sessions that are being created. */
  destroySubject(subject: string, reason: string | undefined): Awaitable<StoreDestroyResult>;
  /** The processes that hold the session. A process that does not answer is not an error. */
  presence(id: string): Awaitable<StorePresence>;
  /** Ends timers, subscriptions and holdings, but not a client that the application made. Idempotent. */
  close(): Awaitable<void>;
}
