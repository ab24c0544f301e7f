import type {
  AppendRequest,
  AppendResult,
  Change,
  CommitRequest,
  CommitResult,
  CreateRequest,
  CreateResult,
  Departure,
  Fields,
  HeldSession,
  Position,
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
import { applied, inItsTick } from "./store-answers.ts";
import { newDigest, newId } from "./random-ids.ts";
import { Journal } from "./waiting.ts";

interface Held {
  stored: StoredSession;
  idleAt: number;
  absoluteAt: number;
  connections: number;
}

export interface Born {
  readonly id: string;
  readonly digest: string;
  readonly session: StoredSession;
}

/**
 * One process from the point of view of a store. It calls the store and holds sessions as core does: `held`,
 * which stores without records of their own read, is updated after every call.
 */
export class StoreProcess implements StoreHost {
  readonly store: SessionStore;
  /** Events from other processes. */
  readonly events: Journal<StoreEvent> = new Journal();
  readonly errors: unknown[] = [];
  readonly #held = new Map<string, Held>();

  constructor(store: SessionStore) {
    this.store = store;
    store.attach(this);
  }

  // --- calls, as core makes them ---

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
    return inItsTick(this.store.create(whole), (result) => {
      if (result.type === "created" && (whole.hold || !this.#resumable)) this.#hold(whole.id, result.session);
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
    if (result.type === "resumed" && whole.hold) this.#hold(id, result.session);
    return result;
  }

  async load(id: string): Promise<StoredSession | undefined> {
    return this.store.load(id);
  }

  async write(id: string, change: Change, request: Partial<WriteRequest> = {}): Promise<WriteResult> {
    return inItsTick(this.store.write({ id, change, ...this.#basis(id, request), ...request }), (result) => {
      if (result.type === "written") this.#move(id, result, result.session, change);
    });
  }

  fields(
    id: string,
    set: Fields,
    unset: readonly string[] = [],
    request: Partial<WriteRequest> = {},
  ): Promise<WriteResult> {
    return this.write(id, { type: "fields", set, unset }, request);
  }

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
    if (result.type === "appended") this.#appended(request.id, result);
    return result;
  }

  /** Commits as core does, and updates the held session's data and end of the outbox. */
  async commit(
    request: Pick<CommitRequest, "id" | "numbers"> & Partial<CommitRequest>,
  ): Promise<CommitResult> {
    if (this.store.commit === undefined) throw new Error("the store has no commit()");
    const { id, change, outbox } = request;
    const whole = { change, outbox, ...this.#basis(id, request), ...request };
    return inItsTick(this.store.commit(whole), (result) => {
      if (result.type !== "committed") return;
      const { written, appended } = result;
      if (written !== undefined) this.#move(id, written, written.session, change);
      if (appended !== undefined) this.#appended(id, appended);
    });
  }

  async touch(id: string, idleMs: number, absoluteMs?: number): Promise<boolean> {
    const there = await this.store.touch(id, idleMs, absoluteMs);
    const held = this.#held.get(id);
    if (there && held !== undefined) {
      held.idleAt = Date.now() + idleMs;
      if (absoluteMs !== undefined) held.absoluteAt = Date.now() + absoluteMs;
    }
    return there;
  }

  async rotate(id: string, request: Partial<RotateRequest> = {}): Promise<RotateResult> {
    const whole: RotateRequest = {
      id,
      digest: newDigest(),
      renewalDigest: newDigest(),
      renewalMs: 60_000,
      graceMs: 60_000,
      subject: undefined,
      fence: undefined,
      known: this.#held.get(id)?.stored.version ?? 0,
      lineage: request.known === undefined ? this.#held.get(id)?.stored.lineage : undefined,
      ...request,
    };
    return inItsTick(this.store.rotate(whole), (result) => {
      const held = this.#held.get(id);
      if (result.type !== "rotated" || held === undefined) return;
      const { subject = held.stored.subject } = whole;
      const { version, lineage } = result;
      held.stored = result.session ?? { ...held.stored, version, lineage, subject };
    });
  }

  async destroy(id: string, reason?: string, confirm = false): Promise<StoreDestroyResult> {
    return this.#ended(await this.store.destroy(id, reason, confirm));
  }

  async destroySubject(subject: string, reason?: string): Promise<StoreDestroyResult> {
    return this.#ended(await this.store.destroySubject(subject, reason));
  }

  /** Releases one connection. */
  async release(id: string, departure?: Departure): Promise<void> {
    const held = this.#held.get(id);
    if (held !== undefined) {
      held.connections -= 1;
      if (held.connections === 0) this.#held.delete(id);
    }
    await this.store.release(id, departure);
  }

  async ids(): Promise<Set<string>> {
    const ids = new Set<string>();
    for await (const id of this.store.ids()) ids.add(id);
    return ids;
  }

  // --- the store's host ---

  held(id: string): HeldSession | undefined {
    const held = this.#held.get(id);
    if (held === undefined) return undefined;
    const idleInMs = held.idleAt - Date.now();
    const absoluteInMs = held.absoluteAt - Date.now();
    if (idleInMs <= 0 || absoluteInMs <= 0) return undefined;
    return { ...held.stored, idleInMs, absoluteInMs, connections: held.connections };
  }

  heldIds(): Iterable<string> {
    return [...this.#held.keys()].filter((id) => this.held(id) !== undefined);
  }

  notify(event: StoreEvent): number {
    const held = this.#held.get(event.id);
    if (event.type === "loaded") this.#move(event.id, event.session, event.session, undefined);
    else if (event.type === "appended") this.#heard(event.id, event.end);
    else if (event.type === "written" && event.version === (held?.stored.version ?? 0) + 1) {
      this.#move(event.id, event, undefined, event.change);
    } else if (event.type === "destroyed" || event.type === "expired") this.#held.delete(event.id);
    this.events.note(event);
    return event.type === "destroyed" || event.type === "expired" ? (held?.connections ?? 0) : 0;
  }

  onError(error: unknown): void {
    this.errors.push(error);
  }

  /**
   * Ends this process's connections to destroyed sessions, unless the store did, and adds them to the result.
   */
  #ended(result: StoreDestroyResult): StoreDestroyResult {
    let { closed } = result;
    for (const id of result.destroyed) {
      closed += this.#held.get(id)?.connections ?? 0;
      this.#held.delete(id);
    }
    return { ...result, closed };
  }

  get #resumable(): boolean {
    return this.store.capabilities.resumable;
  }

  /** The part of a write that core derives from the held session. */
  #basis(id: string, { known: given, expect }: Partial<Pick<WriteRequest, "known" | "expect">>) {
    const stored = this.#held.get(id)?.stored;
    const known = given ?? stored?.version ?? expect ?? 0;
    const lineage = known === stored?.version ? stored.lineage : undefined;
    return { expect: undefined, known, lineage, fence: undefined, schemaVersion: 0 };
  }

  #appended(id: string, { offset, chains }: Extract<AppendResult, { type: "appended" }>): void {
    const chain = chains.at(-1);
    if (chain !== undefined) this.#heard(id, { offset: offset + chains.length - 1, chain });
  }

  #heard(id: string, outbox: Position): void {
    const held = this.#held.get(id);
    if (held !== undefined) held.stored = { ...held.stored, outbox };
  }

  #hold(id: string, stored: StoredSession): void {
    const connections = (this.#held.get(id)?.connections ?? 0) + 1;
    const now = Date.now();
    this.#held.set(id, {
      stored,
      connections,
      idleAt: now + stored.idleInMs,
      absoluteAt: now + stored.absoluteInMs,
    });
  }

  #move(
    id: string,
    { version, lineage }: Pick<StoredSession, "version" | "lineage">,
    session: StoredSession | undefined,
    change: Change | undefined,
  ): void {
    const held = this.#held.get(id);
    if (held === undefined) return;
    if (session !== undefined) held.stored = { ...session };
    else if (change !== undefined)
      held.stored = { ...held.stored, version, lineage, data: applied(held.stored.data, change) };
  }
}
