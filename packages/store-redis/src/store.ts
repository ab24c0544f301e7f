import { invalidArgument } from "@wsession/core/runtime";
import type {
  AppendRequest,
  AppendResult,
  CommitRequest,
  CommitResult,
  CreateRequest,
  CreateResult,
  ReleaseReason,
  PresenceEvent,
  ExtendRequest,
  ExtendResult,
  ReadRequest,
  ReadResult,
  ResumeRequest,
  ResumeResult,
  RotateRequest,
  RotateResult,
  StoreCapabilities,
  StoredSession,
  StoreDestroyResult,
  StoreHealth,
  StoreHost,
  StorePresence,
  SubjectPresence,
  TakeOverResult,
  TakeOverSubjectRequest,
  TakeOverSubjectResult,
  Tracking,
  WriteRequest,
  WriteResult,
} from "@wsession/core";
import { load } from "./commands/load.ts";
import { read } from "./commands/read.ts";
import type { Missing } from "./commands/reply.ts";
import { takeOver } from "./commands/take-over.ts";
import { Destruction } from "./sessions/destruction.ts";
import { ignoreErrors } from "./base/failures.ts";
import type { RedisDiagnostics } from "./base/diagnostics.ts";
import { isSessionId } from "./base/keys.ts";
import { IndexedChanges } from "./sessions/indexed-changes.ts";
import { SubjectLimits } from "./sessions/subject-limits.ts";
import { SessionQueries } from "./sessions/session-queries.ts";
import { Openings } from "./sessions/openings.ts";
import { SubjectWatching } from "./sessions/subject-watching.ts";
import { healthOf } from "./membership/health.ts";
import { Membership } from "./membership/membership.ts";
import type { RaisedEpoch } from "./commands/subject-index.ts";
import type { RedisStoreOptions } from "./base/options.ts";
import { makeServices, type Services } from "./holders/services.ts";
import { SessionChanges } from "./sessions/session-changes.ts";
import { Subjects } from "./sessions/subjects.ts";
import type { RedisSessionStore } from "./redis-session-store.ts";
import { UnknownOutcomes, type WriteOutcome } from "./sessions/unknown-outcomes.ts";

/** The store that `redisStore` makes. */
export class RedisStore implements RedisSessionStore {
  readonly capabilities: StoreCapabilities = { resumable: true, shared: true, values: "json", outbox: true };
  readonly diagnostics: RedisDiagnostics;
  readonly #services: Services;
  readonly #unknownOutcomes: UnknownOutcomes;
  readonly #subjects: Subjects;
  readonly #indexedChanges: IndexedChanges;
  readonly #destruction: Destruction;
  readonly #queries: SessionQueries;
  readonly #changes: SessionChanges;
  readonly #openings: Openings;
  readonly #limits: SubjectLimits;
  readonly #watching: SubjectWatching;
  readonly #onError: RedisStoreOptions["onError"];
  #membership: Membership | undefined;
  #report: (error: unknown) => void = () => undefined;
  #closing: Promise<void> | undefined;

  constructor(options: RedisStoreOptions) {
    this.#services = makeServices(options, {
      report: (error) => this.#report(error),
      nodeDied: () => this.#membership?.sweep(),
    });
    this.#onError = options.onError;
    this.diagnostics = this.#services.counters;
    const { calls, keys, settings } = this.#services;
    this.#unknownOutcomes = new UnknownOutcomes(this.#services);
    this.#subjects = new Subjects(calls, keys, settings.tombstoneMs);
    this.#indexedChanges = new IndexedChanges(
      this.#services,
      this.#subjects,
      this.#unknownOutcomes,
      (id, found) => this.#missing(id, found),
      (id, subject, moved) => this.#membership?.presence.moved(id, subject, moved),
    );
    this.#changes = new SessionChanges(this.#services, this.#unknownOutcomes, (id, found) =>
      this.#missing(id, found),
    );
    this.#destruction = new Destruction(
      this.#services,
      this.#subjects,
      this.#unknownOutcomes,
      () => this.#membership?.presence,
    );
    this.#queries = new SessionQueries(this.#services, this.#subjects, (error) => this.#report(error));
    const membership = (): Membership | undefined => this.#membership;
    this.#limits = new SubjectLimits(this.#services, this.#subjects, this.#destruction, membership);
    this.#openings = new Openings(
      this.#services,
      this.#limits,
      this.#unknownOutcomes,
      this.#indexedChanges,
      this.#destruction,
      membership,
    );
    this.#watching = new SubjectWatching(
      this.#services,
      (subject, lives) => this.#queries.readSubject(subject, this.#here, lives),
      () => this.#membership?.record(),
      (error) => this.#report(error),
    );
  }

  attach(host: StoreHost): void {
    if (this.#membership !== undefined)
      throw invalidArgument(
        "this redisStore() belongs to other sessions already: create one store for each createSessions",
      );
    const onError = this.#onError ?? ((error: unknown) => host.onError(error));
    // After `close` the store's background work fails because the store closes, which is no failure of Redis.
    this.#report = (error) => {
      if (this.#closing === undefined) ignoreErrors(() => onError(error));
    };
    const guardedHost: StoreHost = {
      held: (id) => host.held(id),
      heldIds: () => host.heldIds(),
      notify: (event) => host.notify(event),
      onError: this.#report,
    };
    const destroyHeld = (of: RaisedEpoch, reason?: string): Promise<void> =>
      this.#destruction.destroyHeldAndEnd(of, reason, membership);
    const membership = new Membership(this.#services, guardedHost, destroyHeld, this.#watching);
    this.#membership = membership;
    membership.open();
  }

  async create(request: CreateRequest): Promise<CreateResult> {
    if (!isSessionId(request.id))
      throw invalidArgument("create: the id must be the selector of a token", {
        outcome: "not-applied",
      });
    return this.#openings.create(request);
  }

  async resume(request: ResumeRequest): Promise<ResumeResult> {
    return isSessionId(request.id) ? this.#openings.resume(request) : { type: "missing" };
  }

  async takeOver(id: string): Promise<TakeOverResult> {
    if (!isSessionId(id)) return { type: "missing" };
    const reply = await takeOver(this.#services, { id, sequence: this.#services.nextSequence() });
    return reply.type === "missing" ? this.#missing(id, reply) : { type: "taken", fence: reply.fence };
  }

  async takeOverSubject(request: TakeOverSubjectRequest): Promise<TakeOverSubjectResult> {
    return isSessionId(request.id) ? this.#limits.takeOver(request) : { type: "missing" };
  }

  async load(id: string): Promise<StoredSession | undefined> {
    if (!isSessionId(id)) return undefined;
    const found = await load(this.#services, id);
    if (found.type === "session") return found.session;
    this.#missing(id, found);
    return undefined;
  }

  write(request: WriteRequest): Promise<WriteResult> {
    return this.#changes.write(request);
  }

  append(request: AppendRequest): Promise<AppendResult> {
    return this.#changes.append(request);
  }

  commit(request: CommitRequest): Promise<CommitResult> {
    return this.#changes.commit(request);
  }

  async read(request: ReadRequest): Promise<ReadResult> {
    if (!isSessionId(request.id)) return { type: "missing" };
    const reply = await read(this.#services, request);
    return reply.type === "missing" ? this.#missing(request.id, reply) : reply;
  }

  async touch(id: string, idleMs: number, absoluteMs?: number): Promise<boolean> {
    if (!isSessionId(id)) return false;
    const isThere = await this.#indexedChanges.touch({ id, idleMs, absoluteMs });
    // The deadline may be earlier than before. A look reads it, because the session may have an idle time of its own. A touch that
    // only moves the deadline later needs no look.
    if (isThere && absoluteMs !== undefined)
      this.#membership?.presence.lookAtDeadline(id, 0, Number.POSITIVE_INFINITY);
    return isThere;
  }

  async extend(request: ExtendRequest): Promise<ExtendResult> {
    if (!isSessionId(request.id)) return { type: "missing" };
    const result = await this.#indexedChanges.extend(request);
    if (result.type === "extended") {
      const { idleInMs, absoluteInMs } = result.session;
      this.#membership?.presence.lookAtDeadline(
        request.id,
        Math.min(idleInMs, absoluteInMs),
        Number.POSITIVE_INFINITY,
      );
    }
    return result;
  }

  async rotate(request: RotateRequest): Promise<RotateResult> {
    if (!isSessionId(request.id)) return { type: "missing" };
    return this.#indexedChanges.rotate(request, this.#limits);
  }

  async destroy(id: string, reason: string | undefined, confirm: boolean): Promise<StoreDestroyResult> {
    if (!isSessionId(id)) return { destroyed: [], closed: 0, unreachable: [] };
    return this.#destruction.one(id, reason, confirm ? this.#membership : undefined);
  }

  release(id: string, reason?: ReleaseReason): Promise<void> {
    return this.#membership?.heldCounts.release(id, reason === "left") ?? Promise.resolve();
  }

  ids(): AsyncIterable<string> {
    return this.#queries.ids();
  }

  bySubject(subject: string, unread?: boolean): Promise<readonly string[]> {
    return this.#queries.bySubject(subject, unread);
  }

  destroySubject(subject: string, reason: string | undefined): Promise<StoreDestroyResult> {
    return this.#destruction.subject(subject, reason, this.#membership);
  }

  async presence(id: string): Promise<StorePresence> {
    return isSessionId(id)
      ? this.#queries.presence(id, this.#membership?.heldCounts.connections(id) ?? 0)
      : { nodes: [], missing: [] };
  }

  track(tracking: Tracking): void {
    this.#services.recording.track(tracking);
  }

  presenceOfSubject(subject: string): Promise<SubjectPresence> {
    return this.#queries.presenceOfSubject(subject, this.#here);
  }

  watch(subjects: readonly string[], listener: (event: PresenceEvent) => void): Promise<() => void> {
    return this.#watching.watch(subjects, listener);
  }

  health(limitMs: number): Promise<StoreHealth> {
    return healthOf(this.#services, this.#membership, limitMs);
  }

  /** The connections of this process to a session. Redis gets changes of the count later. */
  readonly #here = (id: string): number => this.#membership?.heldCounts.connections(id) ?? 0;

  outcome(error: unknown): Promise<WriteOutcome> {
    return this.#unknownOutcomes.outcome(error);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await this.#watching.close();
    this.#services.liveness.close();
    await this.#membership?.close();
    await this.#services.unclaimed.close();
    this.#services.availability.close();
  }

  #missing(id: string, found: Missing): { readonly type: "missing" } {
    this.#membership?.missing(id, found);
    return { type: "missing" };
  }
}
