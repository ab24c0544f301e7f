import { SessionError } from "@wsession/core";
import type {
  AppendRequest,
  AppendResult,
  CommitRequest,
  CommitResult,
  CreateRequest,
  CreateResult,
  ReadRequest,
  ReadResult,
  ResumeRequest,
  ResumeResult,
  RotateRequest,
  RotateResult,
  StoreCapabilities,
  StoredSession,
  StoreDestroyResult,
  StoreHost,
  StorePresence,
  TakeOverResult,
  WriteRequest,
  WriteResult,
} from "@wsession/core";
import { encodeData } from "./base/codec.ts";
import { create } from "./commands/create.ts";
import { load } from "./commands/load.ts";
import { read } from "./commands/read.ts";
import type { Missing } from "./commands/reply.ts";
import { resume, type ResumeReply } from "./commands/resume.ts";
import { takeOver } from "./commands/take-over.ts";
import { Destruction } from "./sessions/destruction.ts";
import { awaitBeforeChange, ignoreErrors } from "./base/failures.ts";
import { isSessionId } from "./base/keys.ts";
import { IndexedChanges } from "./sessions/indexed-changes.ts";
import { SessionQueries } from "./sessions/session-queries.ts";
import { Membership, type Registration } from "./processes/membership.ts";
import type { RedisStoreOptions } from "./base/options.ts";
import { makeServices, type Services } from "./processes/services.ts";
import type { RaisedEpoch } from "./commands/subject-index.ts";
import { SessionChanges } from "./sessions/session-changes.ts";
import { Subjects } from "./sessions/subjects.ts";
import type { RedisSessionStore } from "./redis-session-store.ts";
import { UnknownOutcomes, type WriteOutcome } from "./sessions/unknown-outcomes.ts";

/** A request that may register one more connection of this process as a holder of the session. */
type HoldingRequest = Pick<ResumeRequest, "id" | "hold">;

/**
 * Creates a store that keeps sessions in Redis 6.2 or newer, shared by any number of processes. Standalone
 * Redis, Sentinel and Cluster are supported. Session data is limited to what JSON can represent. One store
 * serves one `createSessions`.
 *
 * @throws INVALID_ARGUMENT for a missing, misspelt or invalid option.
 * @example
 * ```ts
 * const client = new Redis("redis://127.0.0.1:6379");
 * const sessions = createSessions({ store: redisStore({ client }), initial: () => ({ count: 0 }) });
 * ```
 */
export function redisStore(options: RedisStoreOptions): RedisSessionStore {
  return new RedisStore(options);
}

class RedisStore implements RedisSessionStore {
  readonly capabilities: StoreCapabilities = { resumable: true, shared: true, values: "json", outbox: true };
  readonly #services: Services;
  readonly #unknownOutcomes: UnknownOutcomes;
  readonly #subjects: Subjects;
  readonly #indexedChanges: IndexedChanges;
  readonly #destruction: Destruction;
  readonly #queries: SessionQueries;
  readonly #changes: SessionChanges;
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
    const { calls, keys, settings } = this.#services;
    this.#unknownOutcomes = new UnknownOutcomes(this.#services);
    this.#subjects = new Subjects(calls, keys, settings.tombstoneMs);
    this.#indexedChanges = new IndexedChanges(
      this.#services,
      this.#subjects,
      this.#unknownOutcomes,
      (id, found) => this.#missing(id, found),
    );
    this.#changes = new SessionChanges(this.#services, this.#unknownOutcomes, (id, found) =>
      this.#missing(id, found),
    );
    this.#destruction = new Destruction(this.#services, this.#subjects, this.#unknownOutcomes);
    this.#queries = new SessionQueries(this.#services, this.#subjects, (error) => this.#report(error));
  }

  attach(host: StoreHost): void {
    if (this.#membership !== undefined)
      throw new SessionError(
        "INVALID_ARGUMENT",
        "this redisStore() belongs to other sessions already: create one store for each createSessions",
      );
    const onError = this.#onError ?? ((error: unknown) => host.onError(error));
    this.#report = (error) => ignoreErrors(() => onError(error));
    const guardedHost: StoreHost = {
      held: (id) => host.held(id),
      heldIds: () => host.heldIds(),
      notify: (event) => host.notify(event),
      onError: this.#report,
    };
    const membership = new Membership(this.#services, guardedHost, (of, reason) =>
      this.#destruction.destroyHeldAndEnd(of, reason, membership),
    );
    this.#membership = membership;
    membership.open();
  }

  async create(request: CreateRequest): Promise<CreateResult> {
    const { id, subject } = request;
    const { calls, settings, nextSequence } = this.#services;
    if (!isSessionId(id))
      throw new SessionError("INVALID_ARGUMENT", "create: the id must be the selector of a token", {
        outcome: "not-applied",
      });
    const encoded = encodeData(request.data, settings.maxBytes);
    const deadline = calls.deadline();
    const listing =
      subject === undefined
        ? undefined
        : await this.#indexedChanges.listBeforeCreate({ ...request, subject }, deadline);
    if (listing?.type === "revoked") return listing;
    const waiting = this.#readyFor(request, deadline);
    if (waiting !== undefined) await waiting;
    const registration = this.#register(request);
    const sequence = registration?.sequence ?? nextSequence();
    const count = registration?.count;
    try {
      const reply = await create(this.#services, { request, encoded, sequence, count, listing, deadline });
      const { isRepeat, ...result } = reply;
      registration?.answered(result.type === "created", isRepeat);
      return result;
    } catch (error) {
      registration?.failed(error);
      throw this.#unknownOutcomes.remember(error, "create", id, sequence, deadline);
    }
  }

  async resume(request: ResumeRequest): Promise<ResumeResult> {
    const { calls, nextSequence } = this.#services;
    if (!isSessionId(request.id)) return { type: "missing" };
    // In resume.lua an empty digest means that the application has checked the client. So treat an empty digest in the
    // request as wrong.
    if (request.digest === "") return { type: "wrong" };
    const deadline = calls.deadline();
    const waiting = this.#readyFor(request, deadline);
    if (waiting !== undefined) await waiting;
    const registration = this.#register(request);
    const sequence = registration?.sequence ?? nextSequence();
    const count = registration?.count;
    try {
      const reply = await resume(this.#services, { request, sequence, count, deadline });
      if (reply.type !== "resumed") {
        registration?.answered(false, reply.isRepeat);
        return { type: reply.type };
      }
      registration?.answered(true, false);
      this.#listAgain(request, reply);
      return { type: reply.type, session: reply.session, by: reply.by };
    } catch (error) {
      registration?.failed(error);
      throw error;
    }
  }

  /**
   * Lists the resumed session again, in the background. A failure is harmless, because the next touch or resume does the
   * same.
   */
  #listAgain(request: ResumeRequest, resumed: Extract<ResumeReply, { type: "resumed" }>): void {
    if (resumed.session.subject === undefined) return;
    const { id, touch } = request;
    const idleMs = touch === false ? resumed.session.idleInMs : request.idleMs;
    const destroy = (of: RaisedEpoch): Promise<void> =>
      this.#destruction.destroyOverdue(id, of, this.#membership);
    this.#indexedChanges.listAgain(id, resumed, idleMs, destroy).catch(() => undefined);
  }

  async takeOver(id: string): Promise<TakeOverResult> {
    if (!isSessionId(id)) return { type: "missing" };
    const reply = await takeOver(this.#services, { id, sequence: this.#services.nextSequence() });
    return reply.type === "missing" ? this.#missing(id, reply) : reply;
  }

  async load(id: string): Promise<StoredSession | undefined> {
    if (!isSessionId(id)) return undefined;
    const found = await load(this.#services, id);
    if (found.type === "missing") this.#membership?.expired(id);
    return found.type === "session" ? found.session : undefined;
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
    return isSessionId(id) && this.#indexedChanges.touch(id, idleMs, absoluteMs);
  }

  async rotate(request: RotateRequest): Promise<RotateResult> {
    if (!isSessionId(request.id)) return { type: "missing" };
    return this.#indexedChanges.rotate(request);
  }

  async destroy(id: string, reason: string | undefined, confirm: boolean): Promise<StoreDestroyResult> {
    if (!isSessionId(id)) return { destroyed: [], closed: 0, unreachable: [] };
    return this.#destruction.one(id, reason, confirm ? this.#membership : undefined);
  }

  release(id: string): Promise<void> {
    return this.#membership?.heldCounts.release(id) ?? Promise.resolve();
  }

  ids(): AsyncIterable<string> {
    return this.#queries.ids();
  }

  bySubject(subject: string): Promise<readonly string[]> {
    return this.#queries.bySubject(subject);
  }

  destroySubject(subject: string, reason: string | undefined): Promise<StoreDestroyResult> {
    return this.#destruction.subject(subject, reason, this.#membership);
  }

  async presence(id: string): Promise<StorePresence> {
    return isSessionId(id)
      ? this.#queries.presence(id, this.#membership?.heldCounts.connections(id) ?? 0)
      : { nodes: [], missing: [] };
  }

  outcome(error: unknown): Promise<WriteOutcome> {
    return this.#unknownOutcomes.outcome(error);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#services.liveness.close();
    await this.#membership?.close();
    this.#services.gate.close();
  }

  /**
   * Returns "missing". If Redis has no tombstone either, ends the connections that this process still has to the session.
   */
  #missing(id: string, { leftNothing }: Missing): { readonly type: "missing" } {
    if (leftNothing) this.#membership?.expired(id);
    return { type: "missing" };
  }

  /** Resolves once this process may register a connection; `undefined` if it may do so at once. */
  #readyFor(request: HoldingRequest, deadline: number): Promise<void> | undefined {
    const waiting = request.hold ? this.#membership?.ready(deadline) : undefined;
    return waiting === undefined ? undefined : awaitBeforeChange(waiting);
  }

  #register({ id, hold }: HoldingRequest): Registration | undefined {
    if (!hold) return undefined;
    if (this.#membership === undefined)
      throw new SessionError(
        "INVALID_ARGUMENT",
        "the store must be given to createSessions before it is used",
        { outcome: "not-applied" },
      );
    return this.#membership.register(id);
  }
}
