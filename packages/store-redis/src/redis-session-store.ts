import type {
  AppendRequest,
  AppendResult,
  CommitRequest,
  CommitResult,
  CreateRequest,
  CreateResult,
  ReleaseReason,
  PresenceEvent,
  ReadRequest,
  ReadResult,
  ResumeRequest,
  ResumeResult,
  RotateRequest,
  RotateResult,
  SessionStore,
  StoredSession,
  StoreDestroyResult,
  StoreHealth,
  SubjectPresence,
  TakeOverResult,
  Tracking,
  WriteRequest,
  WriteResult,
} from "@wsession/core";
import type { RedisDiagnostics } from "./base/diagnostics.ts";
import type { WriteOutcome } from "./sessions/unknown-outcomes.ts";

/** A SessionStore in Redis. Its method `outcome` finds out whether a change whose reply was lost was applied. */
export interface RedisSessionStore extends SessionStore {
  /** As `SessionStore.create`. */
  create(request: CreateRequest): Promise<CreateResult>;
  /** As `SessionStore.resume`. */
  resume(request: ResumeRequest): Promise<ResumeResult>;
  /** As `SessionStore.takeOver`. */
  takeOver(id: string): Promise<TakeOverResult>;
  /** As `SessionStore.load`. */
  load(id: string): Promise<StoredSession | undefined>;
  /** As `SessionStore.write`. */
  write(request: WriteRequest): Promise<WriteResult>;
  /** As `SessionStore.touch`. */
  touch(id: string, idleMs: number, absoluteMs?: number): Promise<boolean>;
  /** As `SessionStore.rotate`. */
  rotate(request: RotateRequest): Promise<RotateResult>;
  /** As `SessionStore.destroy`. With `confirm`, waits at most `confirmMs` for the confirmations of the other holders. */
  destroy(id: string, reason: string | undefined, confirm: boolean): Promise<StoreDestroyResult>;
  /** As `SessionStore.release`. */
  release(id: string, reason?: ReleaseReason): Promise<void>;
  /** As `PresenceMethods.track`. */
  track(tracking: Tracking): void;
  /** As `PresenceMethods.presenceOfSubject`. */
  presenceOfSubject(subject: string): Promise<SubjectPresence>;
  /** As `PresenceMethods.watch`. */
  watch(subjects: readonly string[], listener: (event: PresenceEvent) => void): Promise<() => void>;
  /** If the messages have more than 2 KB together, the announcement omits them, and the other holders of the session read them. */
  append(request: AppendRequest): Promise<AppendResult>;
  /** As `OutboxMethods.read`. */
  read(request: ReadRequest): Promise<ReadResult>;
  /** Sends one script. The announcement of the change and that of the messages each have the limit of 2 KB. */
  commit(request: CommitRequest): Promise<CommitResult>;
  /**
   * Sends a request to the server now, on a Cluster to all primaries. Settles within `limitMs` milliseconds. `sessions.health()`
   * calls it. `ok`: the server is a primary that answers, announcements arrive, and this process has its lease.
   */
  health(limitMs: number): Promise<StoreHealth>;
  /** Counters of this store since its creation. The object always has the present numbers. */
  readonly diagnostics: RedisDiagnostics;
  /** As `SessionStore.close`. Ends the store's own connections; the client that was passed stays open. */
  close(): Promise<void>;
  /**
   * Finds out whether a change was applied that was rejected with the `outcome` `"unknown"`. `error` is that error, or an
   * error with that error in its `cause` chain. After `"not-applied"` a write or rotation is never applied later. Resolves
   * with `"unknown"` for errors of other stores, and if the record of the change is gone: the session has ended, or about a
   * minute has passed.
   *
   * @throws STORE_UNAVAILABLE, as a rejection, if Redis cannot be reached within `timeoutMs`.
   */
  outcome(error: unknown): Promise<WriteOutcome>;
}
