import type {
  AppendRequest,
  AppendResult,
  Change,
  CommitRequest,
  CommitResult,
  CreateRequest,
  CreateResult,
  ReleaseReason,
  Fields,
  HeldSession,
  ResumeRequest,
  ResumeResult,
  RotateRequest,
  RotateResult,
  SessionStore,
  StoredSession,
  StoreDestroyResult,
  StoreEvent,
  StoreHost,
  WriteRequest,
  WriteResult,
} from "@wsession/core";
import { HeldSessions } from "./held-sessions.ts";
import { applyInSameTick } from "./store-answers.ts";
import { newDigest, newId } from "./random-ids.ts";
import { Journal } from "./waiting.ts";

/** A session that `born` created. */
export interface Born {
  /** The id of the session. */
  readonly id: string;
  /** The digest of the token's verifier, for `resume`. */
  readonly digest: string;
  /** The store's answer. */
  readonly session: StoredSession;
}

/**
 * One process from the point of view of a store. It calls the store and holds sessions as core does: `held`,
 * which stores without records of their own read, is updated after every call.
 */
export class StoreProcess implements StoreHost {
  /** The store under test, attached to this process. */
  readonly store: SessionStore;
  /** Events from other processes. */
  readonly events: Journal<StoreEvent> = new Journal();
  /** The reports of `onError`, in order. A case without outages expects none. */
  readonly errors: unknown[] = [];
  readonly #held = new HeldSessions();

  constructor(store: SessionStore) {
    this.store = store;
    store.attach(this);
  }

  // --- calls, as core makes them ---

  /** Creates a session as core does, with random id and digest, unless `request` has others. */
  async create(request: Partial<CreateRequest> = {}): Promise<CreateResult> {
    const whole: CreateRequest = {
      id: newId(),
      digest: newDigest(),
      data: { n: 0 },
      subject: undefined,
      schemaVersion: 0,
      idleMs: Infinity,
      absoluteMs: Infinity,
      hold: true,
      exclusive: false,
      ...request,
    };
    return applyInSameTick(this.store.create(whole), (result) => {
      if (result.type === "created" && (whole.hold || !this.#resumable))
        this.#held.hold(whole.id, result.session);
    });
  }

  /** Creates a session, which must be new. */
  async born(request: Partial<CreateRequest> = {}): Promise<Born> {
    const id = request.id ?? newId();
    const digest = newDigest();
    const result = await this.create({ digest, ...request, id });
    if (result.type !== "created") throw new Error(`create answered "${result.type}" for a new id`);
    return { id, digest: request.digest ?? digest, session: result.session };
  }

  /** Resumes as core does. `digest` is `undefined` where the application names the session. */
  async resume(
    id: string,
    digest: string | undefined,
    request: Partial<ResumeRequest> = {},
  ): Promise<ResumeResult> {
    const whole = {
      id,
      digest,
      nextDigest: newDigest(),
      subject: undefined,
      idleMs: Infinity,
      hold: true,
      exclusive: false,
      ...request,
    };
    const result = await this.store.resume(whole);
    if (result.type === "resumed" && whole.hold) this.#held.hold(id, result.session);
    return result;
  }

  /** Calls `load` of the store. */
  async load(id: string): Promise<StoredSession | undefined> {
    return this.store.load(id);
  }

  /** Writes as core does: with the version and the lineage of the held session, unless `request` has others. */
  async write(id: string, change: Change, request: Partial<WriteRequest> = {}): Promise<WriteResult> {
    return applyInSameTick(
      this.store.write({ id, change, ...this.#basis(id, request), ...request }),
      (result) => {
        if (result.type === "written") this.#held.applyWrite(id, result, result.session, change);
      },
    );
  }

  /** Writes single fields: sets those of `set`, and deletes those of `unset`. */
  fields(
    id: string,
    set: Fields,
    unset: readonly string[] = [],
    request: Partial<WriteRequest> = {},
  ): Promise<WriteResult> {
    return this.write(id, { type: "fields", set, unset }, request);
  }

  /** Writes all data. */
  replace(
    id: string,
    data: object,
    request: Partial<WriteRequest> & { readonly base?: object } = {},
  ): Promise<WriteResult> {
    const { base, ...rest } = request;
    return this.write(id, { type: "replace", data, base }, rest);
  }

  /** Appends as core does, and updates the held session's end of the outbox. */
  async append(request: AppendRequest): Promise<AppendResult> {
    if (this.store.append === undefined) throw new Error("the store has no append()");
    const result = await this.store.append(request);
    if (result.type === "appended") this.#held.appended(request.id, result);
    return result;
  }

  /** Commits as core does, and updates the held session's data and end of the outbox. */
  async commit(
    request: Pick<CommitRequest, "id" | "numbers"> & Partial<CommitRequest>,
  ): Promise<CommitResult> {
    if (this.store.commit === undefined) throw new Error("the store has no commit()");
    const { id, change, outbox } = request;
    const whole = { change, outbox, ...this.#basis(id, request), ...request };
    return applyInSameTick(this.store.commit(whole), (result) => {
      if (result.type !== "committed") return;
      const { written, appended } = result;
      if (written !== undefined) this.#held.applyWrite(id, written, written.session, change);
      if (appended !== undefined) this.#held.appended(id, appended);
    });
  }

  /** Touches as core does: `idleMs` and `absoluteMs` are milliseconds from now. */
  async touch(id: string, idleMs: number, absoluteMs?: number): Promise<boolean> {
    const there = await this.store.touch(id, idleMs, absoluteMs);
    if (there) this.#held.touched(id, idleMs, absoluteMs);
    return there;
  }

  /** Rotates as core does, with random digests and no new subject, unless `request` has others. */
  async rotate(id: string, request: Partial<RotateRequest> = {}): Promise<RotateResult> {
    const whole: RotateRequest = {
      id,
      digest: newDigest(),
      renewalDigest: newDigest(),
      renewalMs: 60_000,
      graceMs: 60_000,
      subject: undefined,
      fence: undefined,
      known: this.#held.stored(id)?.version ?? 0,
      lineage: request.known === undefined ? this.#held.stored(id)?.lineage : undefined,
      ...request,
    };
    return applyInSameTick(this.store.rotate(whole), (result) => {
      const stored = this.#held.stored(id);
      if (result.type !== "rotated" || stored === undefined) return;
      const { subject = stored.subject } = whole;
      const { version, lineage } = result;
      this.#held.replaceStored(id, result.session ?? { ...stored, version, lineage, subject });
    });
  }

  /**
   * Destroys one session, and ends this process's connections to it. `confirm`: the store requests confirmations of the other
   * holders.
   */
  async destroy(id: string, reason?: string, confirm = false): Promise<StoreDestroyResult> {
    return this.#ended(await this.store.destroy(id, reason, confirm));
  }

  /** Destroys all sessions of a subject, and ends this process's connections to them. */
  async destroySubject(subject: string, reason?: string): Promise<StoreDestroyResult> {
    return this.#ended(await this.store.destroySubject(subject, reason));
  }

  /** Releases one connection. */
  async release(id: string, reason?: ReleaseReason): Promise<void> {
    this.#held.release(id);
    await this.store.release(id, reason);
  }

  /** The ids that the store lists, as a set: the order is not promised. */
  async ids(): Promise<Set<string>> {
    const ids = new Set<string>();
    for await (const id of this.store.ids()) ids.add(id);
    return ids;
  }

  // --- the store's host ---

  /** As `StoreHost.held`. */
  held(id: string): HeldSession | undefined {
    return this.#held.live(id);
  }

  /** As `StoreHost.heldIds`. */
  heldIds(): Iterable<string> {
    return this.#held.liveIds();
  }

  /** As `StoreHost.notify`: applies the event to the held sessions, and notes it in `events`. */
  notify(event: StoreEvent): number {
    const connections = this.#held.connections(event.id);
    const version = this.#held.stored(event.id)?.version ?? 0;
    if (event.type === "loaded") this.#held.applyWrite(event.id, event.session, event.session, undefined);
    else if (event.type === "appended") this.#held.setOutboxEnd(event.id, event.end);
    else if (event.type === "written" && event.version === version + 1) {
      this.#held.applyWrite(event.id, event, undefined, event.change);
    } else if (event.type === "destroyed" || event.type === "expired") this.#held.delete(event.id);
    this.events.note(event);
    return event.type === "destroyed" || event.type === "expired" ? connections : 0;
  }

  /** As `StoreHost.onError`: keeps the error in `errors`. */
  onError(error: unknown): void {
    this.errors.push(error);
  }

  /**
   * Ends this process's connections to destroyed sessions, unless the store did, and adds them to the result.
   */
  #ended(result: StoreDestroyResult): StoreDestroyResult {
    let { closed } = result;
    for (const id of result.destroyed) {
      closed += this.#held.connections(id);
      this.#held.delete(id);
    }
    return { ...result, closed };
  }

  get #resumable(): boolean {
    return this.store.capabilities.resumable;
  }

  /** The part of a write that core derives from the held session. */
  #basis(id: string, { known: given, expect }: Partial<Pick<WriteRequest, "known" | "expect">>) {
    const stored = this.#held.stored(id);
    const known = given ?? stored?.version ?? expect ?? 0;
    const lineage = known === stored?.version ? stored.lineage : undefined;
    return { expect: undefined, known, lineage, fence: undefined, schemaVersion: 0 };
  }
}
