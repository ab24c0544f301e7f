import { invalidArgument } from "../base/errors.ts";
import { assertSubjectText } from "../base/names.ts";
import {
  applyWrite,
  extraOf,
  isConflict,
  isFenced,
  isForeign,
  match,
  monotonicNow,
  newEntry,
  peekExtra,
  snapshot,
} from "./map-entry.ts";
import type { Entry } from "./map-entry.ts";
import type { MapStore } from "./map-options.ts";
import type { CommitRequest, CommitResult } from "./commit-contract.ts";
import { MapClients } from "./map-clients.ts";
import { MapEntries } from "./map-entries.ts";
import { MapLifetimes } from "./map-lifetimes.ts";
import { MapPresence } from "./map-presence.ts";
import { replaceToken, rotationRefusal } from "./map-rotation.ts";
import { MapOutboxes } from "./map-outboxes.ts";
import type { AppendRequest, AppendResult, ReadRequest, ReadResult } from "./outbox-contract.ts";
import { sessionsOver, SubjectIndex } from "./subject-index.ts";
import type { TakeOverSubjectRequest, TakeOverSubjectResult } from "./subject-contract.ts";
import type { Departure, PresenceEvent, SubjectPresence, Tracking } from "./presence-contract.ts";
import type {
  CreateRequest,
  CreateResult,
  ExtendRequest,
  ExtendResult,
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
} from "./contract.ts";

type Decided = Pick<CreateRequest, "id" | "subject" | "limit">;

/** The store that `mapStore` makes. */
export class MapSessionStore implements MapStore {
  readonly capabilities: StoreCapabilities = {
    resumable: true,
    shared: false,
    values: "any",
    outbox: true,
  };
  readonly #entries: MapEntries;
  readonly #outboxes: MapOutboxes;
  readonly #clients = new MapClients();
  readonly #subjects = new SubjectIndex(() => this.#idsAndSubjects());
  readonly #lifetimes = new MapLifetimes();
  readonly #presence = new MapPresence(() => this.#entries);
  #host: StoreHost | undefined;

  constructor(maxSessions: number, maxOutboxBytes: number) {
    this.#outboxes = new MapOutboxes(maxOutboxBytes);
    this.#entries = new MapEntries({
      maxSessions,
      isHeld: (id) => this.#host?.held(id) !== undefined,
      onDeleted: (id) => {
        this.#outboxes.delete(id);
        this.#clients.delete(id);
        this.#subjects.ended(id);
        this.#lifetimes.delete(id);
        this.#presence.deleted(id);
      },
      onExpired: (id, entry) => {
        this.#presence.ended(id, "expired", peekExtra(entry)?.subject);
        this.#host?.notify({ type: "expired", id });
      },
      onEvicted: (id, entry) => this.#presence.ended(id, "expired", peekExtra(entry)?.subject),
      hasOwnIdleTime: (id) => this.#lifetimes.of(id)?.idleMs !== undefined,
      onSweep: () => this.#outboxes.sweep(),
    });
  }

  get size(): number {
    return this.#entries.size;
  }

  *[Symbol.iterator](): Iterator<readonly [string, object]> {
    for (const [id, entry] of this.#entries.live()) yield [id, entry.data];
  }

  attach(host: StoreHost): void {
    if (this.#host !== undefined)
      throw invalidArgument(
        "this mapStore() belongs to other sessions already: create one store for each createSessions",
      );
    this.#host = host;
  }

  create(request: CreateRequest): CreateResult {
    if (this.#entries.find(request.id) !== undefined) return { type: "exists" };
    const over = this.#over(request);
    if (over === undefined) return { type: "crowded" };
    // The sessions that end make room themselves.
    if (over.length === 0 && !this.#entries.makeRoom()) return { type: "full" };
    for (const id of over) this.destroy(id);
    const entry = newEntry(request);
    this.#entries.add(request.id, entry);
    this.#lifetimes.set(request.id, request.own);
    if (request.subject !== undefined) this.#subjects.loggedIn(request.id, request.subject);
    this.#presence.created(request);
    return {
      type: "created",
      session: this.#snapshot(request.id, entry),
      ...(over.length > 0 && { ended: over }),
    };
  }

  resume(request: ResumeRequest): ResumeResult {
    const entry = this.#entries.find(request.id);
    if (entry === undefined) return { type: "missing" };
    const by = match(entry, request);
    if (by === "wrong" || by === "stolen") return { type: by };
    if (isForeign(peekExtra(entry)?.subject, request, by)) return { type: "foreign" };
    if (by === "renewal") {
      // Keep `extra.previous`: the cookie that the code replaces is valid for its grace period, and a sign of theft after that.
      const extra = extraOf(entry);
      extra.digest = request.nextDigest;
      extra.renewal = undefined;
    }
    if (request.hold) {
      entry.holders += 1;
      this.#presence.connected(request.id, peekExtra(entry)?.subject);
    }
    if (request.exclusive) extraOf(entry).fence += 1;
    if (request.touch !== false) this.#touch(request.id, entry, request.idleMs);
    return { type: "resumed", session: this.#snapshot(request.id, entry), by };
  }

  takeOver(id: string): TakeOverResult {
    const entry = this.#entries.find(id);
    if (entry === undefined) return { type: "missing" };
    const extra = extraOf(entry);
    extra.fence += 1;
    return { type: "taken", fence: extra.fence };
  }

  takeOverSubject({ id, subject, raise }: TakeOverSubjectRequest): TakeOverSubjectResult {
    const entry = this.#entries.find(id);
    if (entry === undefined) return { type: "missing" };
    if (raise) extraOf(entry).fence += 1;
    const others = this.#othersOf(subject, id).map((other) => {
      const taken = this.takeOver(other);
      return { id: other, fence: taken.type === "taken" ? taken.fence : 0 };
    });
    return { type: "taken", fence: extraOf(entry).fence, others };
  }

  load(id: string): StoredSession | undefined {
    const entry = this.#entries.find(id);
    return entry === undefined ? undefined : this.#snapshot(id, entry);
  }

  write(request: WriteRequest): WriteResult {
    const entry = this.#entries.find(request.id);
    if (entry === undefined) return { type: "missing" };
    if (isFenced(entry, request.fence)) return { type: "fenced" };
    if (isConflict(entry, request.expect))
      return { type: "conflict", session: this.#snapshot(request.id, entry) };
    applyWrite(entry, request.change, request.schemaVersion);
    return this.#written(request.id, entry, request.known);
  }

  append(request: AppendRequest): AppendResult {
    const entry = this.#entries.find(request.id);
    if (entry === undefined) return { type: "missing" };
    if (isFenced(entry, request.fence)) return { type: "fenced" };
    const { subject } = request;
    if (subject !== undefined && subject !== peekExtra(entry)?.subject) return { type: "foreign" };
    return this.#outboxes.append(request.id, request);
  }

  commit(request: CommitRequest): CommitResult {
    const { id, numbers, change, outbox } = request;
    const entry = this.#entries.find(id);
    if (entry === undefined) return { type: "missing" };
    if (isFenced(entry, request.fence)) return { type: "fenced" };
    const refusal = this.#clients.refusal(id, numbers);
    if (refusal !== undefined) return refusal;
    if (isConflict(entry, request.expect)) return { type: "conflict", session: this.#snapshot(id, entry) };
    // Append before the change of the data, because only the append may still be refused.
    const appended = outbox && this.#outboxes.append(id, outbox);
    if (appended?.type === "full") return appended;
    if (change !== undefined) applyWrite(entry, change, request.schemaVersion);
    const record = this.#clients.settle(id, numbers);
    const written = change && this.#written(id, entry, request.known);
    return { type: "committed", written, appended, record };
  }

  read(request: ReadRequest): ReadResult {
    return this.#entries.find(request.id) === undefined ? { type: "missing" } : this.#outboxes.read(request);
  }

  touch(id: string, idleMs: number, absoluteMs?: number): boolean {
    const entry = this.#entries.find(id);
    if (entry === undefined) return false;
    if (absoluteMs !== undefined) entry.absoluteAt = monotonicNow() + absoluteMs;
    this.#touch(id, entry, idleMs);
    if (absoluteMs !== undefined) this.#presence.deadlineMoved(id);
    return true;
  }

  extend(request: ExtendRequest): ExtendResult {
    const { id } = request;
    const entry = this.#entries.find(id);
    if (entry === undefined) return { type: "missing" };
    this.#lifetimes.extend(id, entry, request);
    this.#touch(id, entry, request.idleMs);
    this.#presence.deadlineMoved(id);
    return { type: "extended", session: this.#snapshot(id, entry) };
  }

  rotate(request: RotateRequest): RotateResult {
    const entry = this.#entries.find(request.id);
    if (entry === undefined) return { type: "missing" };
    const refusal = rotationRefusal(entry, request);
    if (refusal !== undefined) return { type: refusal };
    const over = this.#over(request);
    if (over === undefined) return { type: "crowded" };
    for (const one of over) this.destroy(one);
    const { id, subject } = request;
    if (replaceToken(entry, request)) {
      // Messages for the former subject must not reach the new one, and the former subject's client records must not settle
      // messages of the new one.
      this.#outboxes.clear(id);
      this.#clients.clear(id);
    }
    if (subject === undefined) return { type: "rotated", version: entry.version, session: undefined };
    this.#subjects.loggedIn(id, subject);
    this.#presence.identified(id, subject);
    const written = this.#written(id, entry, request.known);
    return { ...written, type: "rotated", ...(over.length > 0 && { ended: over }) };
  }

  destroy(id: string): StoreDestroyResult {
    const entry = this.#entries.find(id);
    this.#entries.delete(id);
    if (entry !== undefined) this.#presence.ended(id, "destroyed", peekExtra(entry)?.subject);
    return { destroyed: entry === undefined ? [] : [id], closed: 0, unreachable: [] };
  }

  release(id: string, departure?: Departure): void {
    const entry = this.#entries.peek(id);
    if (entry === undefined || entry.holders === 0) return;
    entry.holders -= 1;
    this.#presence.released(id, departure);
  }

  async *ids(): AsyncIterable<string> {
    for (const [id] of this) yield id;
  }

  bySubject(subject: string): string[] {
    assertSubjectText("mapStore", subject);
    const ids: string[] = [];
    for (const [id, entry] of this.#entries.live()) if (peekExtra(entry)?.subject === subject) ids.push(id);
    return ids;
  }

  destroySubject(subject: string): StoreDestroyResult {
    const destroyed = this.bySubject(subject);
    for (const id of destroyed) {
      this.#entries.delete(id);
      this.#presence.ended(id, "destroyed", subject);
    }
    return { destroyed, closed: 0, unreachable: [] };
  }

  presence(): StorePresence {
    return { nodes: [], missing: [] };
  }

  track(tracking: Tracking): void {
    this.#presence.track(tracking);
  }

  presenceOfSubject(subject: string): SubjectPresence {
    assertSubjectText("mapStore", subject);
    return this.#presence.presenceOfSubject(subject);
  }

  watch(subjects: readonly string[], listener: (event: PresenceEvent) => void): () => void {
    for (const subject of subjects) assertSubjectText("mapStore", subject);
    return this.#presence.watch(subjects, listener);
  }

  close(): void {
    this.#entries.close();
    this.#presence.close();
  }

  *#idsAndSubjects(): Generator<readonly [id: string, subject: string | undefined]> {
    for (const [id, entry] of this.#entries.live()) yield [id, peekExtra(entry)?.subject];
  }

  #othersOf(subject: string, id: string): readonly string[] {
    return this.#subjects.others(subject, id).filter((other) => this.#entries.find(other) !== undefined);
  }

  /** The sessions that a login ends; `undefined` if the login is refused. */
  #over({ id, subject, limit }: Decided): readonly string[] | undefined {
    if (subject === undefined || limit === undefined) return [];
    return sessionsOver(this.#othersOf(subject, id), limit);
  }

  #touch(id: string, entry: Entry, idleMs: number): void {
    this.#entries.touch(id, entry, this.#lifetimes.of(id)?.idleMs ?? idleMs);
  }

  #snapshot(id: string, entry: Entry): StoredSession {
    const outbox = this.#outboxes.end(id);
    const clients = this.#clients.of(id);
    const own = this.#lifetimes.of(id);
    return {
      ...snapshot(entry),
      ...(outbox && { outbox }),
      ...(clients && { clients }),
      ...(own && { own }),
    };
  }

  #written(id: string, entry: Entry, known: number): Extract<WriteResult, { type: "written" }> {
    const { version } = entry;
    return {
      type: "written",
      version,
      session: version === known + 1 ? undefined : this.#snapshot(id, entry),
    };
  }
}
