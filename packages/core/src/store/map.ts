import { invalidArgument } from "../base/errors.ts";
import { assertSubjectText } from "../base/names.ts";
import { applyChange, readData } from "./change.ts";
import {
  extraOf,
  isConflict,
  isFenced,
  isForeign,
  matchSecret,
  monotonicNow,
  newEntry,
  peekExtra,
  setData,
} from "./map-entry.ts";
import type { Entry } from "./map-entry.ts";
import type { MapStore } from "./map-options.ts";
import type { CommitRequest, CommitResult } from "./commit-contract.ts";
import { healthInProcess } from "./health-contract.ts";
import { MapEntries } from "./map-entries.ts";
import { MapPresence } from "./map-presence.ts";
import { MapRecords } from "./map-records.ts";
import { replaceToken, rotationRefusal } from "./map-rotation.ts";
import type { AppendRequest, AppendResult, ReadRequest, ReadResult } from "./outbox-contract.ts";
import { SubjectIndex } from "./subject-index.ts";
import type { TakeOverSubjectRequest, TakeOverSubjectResult } from "./subject-contract.ts";
import type { ReleaseReason, PresenceEvent, SubjectPresence, Tracking } from "./presence-contract.ts";
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

/** The store that `mapStore` makes. */
export class MapSessionStore implements MapStore {
  readonly capabilities: StoreCapabilities = { resumable: true, shared: false, values: "any", outbox: true };
  readonly health: typeof healthInProcess = healthInProcess;
  readonly #entries: MapEntries;
  readonly #records: MapRecords;
  readonly #subjects = new SubjectIndex({
    store: "mapStore",
    all: () => this.#entries.holdings(),
    isLive: (id) => this.#entries.find(id) !== undefined,
  });
  readonly #presence = new MapPresence(() => this.#entries);
  #host: StoreHost | undefined;

  constructor(maxSessions: number, maxOutboxBytes: number) {
    this.#records = new MapRecords(maxOutboxBytes);
    this.#entries = new MapEntries({
      maxSessions,
      isHeld: (id) => this.#host?.held(id) !== undefined,
      onDeleted: (id) => {
        this.#records.delete(id);
        this.#subjects.ended(id);
        this.#presence.deleted(id);
      },
      onExpired: (id, entry) => {
        this.#presence.ended(id, "expired", peekExtra(entry)?.subject);
        this.#host?.notify({ type: "expired", id });
      },
      onEvicted: (id, entry) => this.#presence.ended(id, "expired", peekExtra(entry)?.subject),
      hasOwnIdleTime: (id) => this.#records.lifetimes.of(id)?.idleMs !== undefined,
      onSweep: () => this.#records.outboxes.sweep(),
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
    const ended = this.#subjects.endedBy(request);
    if (ended === undefined) return { type: "crowded" };
    // If the login ends older sessions, these make room for the new one.
    if (ended.length === 0 && !this.#entries.makeRoom()) return { type: "full" };
    for (const id of ended) this.destroy(id);
    const entry = newEntry(request);
    this.#entries.add(request.id, entry);
    this.#records.lifetimes.set(request.id, request.own);
    if (request.subject !== undefined) this.#subjects.loggedIn(request.id, request.subject);
    this.#presence.created(request);
    return {
      type: "created",
      session: this.#records.snapshot(request.id, entry),
      ...(ended.length > 0 && { ended }),
    };
  }

  resume(request: ResumeRequest): ResumeResult {
    const entry = this.#entries.find(request.id);
    if (entry === undefined) return { type: "missing" };
    const by = matchSecret(entry, request);
    if (by === "wrong" || by === "stolen") return { type: by };
    if (isForeign(peekExtra(entry)?.subject, request, by)) return { type: "foreign" };
    if (by === "renewal") {
      // Keep `extra.previous`: the cookie that the code replaces is valid for its grace period, and a sign of theft after that.
      const extra = extraOf(entry);
      extra.digest = request.nextDigest;
      extra.renewal = undefined;
    }
    if (request.hold) {
      entry.connections += 1;
      this.#presence.connected(request.id, peekExtra(entry)?.subject);
    }
    if (request.exclusive) extraOf(entry).fence += 1;
    if (request.touch !== false) this.#touch(request.id, entry, request.idleMs);
    return { type: "resumed", session: this.#records.snapshot(request.id, entry), by };
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
    const others = this.#subjects.others(subject, id).map((other) => {
      const taken = this.takeOver(other);
      return { id: other, fence: taken.type === "taken" ? taken.fence : 0 };
    });
    return { type: "taken", fence: extraOf(entry).fence, others };
  }

  load(id: string): StoredSession | undefined {
    const entry = this.#entries.find(id);
    return entry === undefined ? undefined : this.#records.snapshot(id, entry);
  }

  write(request: WriteRequest): WriteResult {
    const entry = this.#entries.find(request.id);
    if (entry === undefined) return { type: "missing" };
    if (isFenced(entry, request.fence)) return { type: "fenced" };
    if (isConflict(entry, request.expect))
      return { type: "conflict", session: this.#records.snapshot(request.id, entry) };
    const data = readData(() => applyChange(entry.data, request.change));
    setData(entry, data, request.schemaVersion);
    return this.#records.written(request.id, entry, request.known);
  }

  append(request: AppendRequest): AppendResult {
    const entry = this.#entries.find(request.id);
    if (entry === undefined) return { type: "missing" };
    if (isFenced(entry, request.fence)) return { type: "fenced" };
    const { subject } = request;
    if (subject !== undefined && subject !== peekExtra(entry)?.subject) return { type: "foreign" };
    return this.#records.outboxes.append(request.id, request);
  }

  commit(request: CommitRequest): CommitResult {
    const { id, numbers, change, outbox } = request;
    const entry = this.#entries.find(id);
    if (entry === undefined) return { type: "missing" };
    if (isFenced(entry, request.fence)) return { type: "fenced" };
    const refusal = this.#records.clients.refusal(id, numbers);
    if (refusal !== undefined) return refusal;
    if (isConflict(entry, request.expect))
      return { type: "conflict", session: this.#records.snapshot(id, entry) };
    // Each of these two may still refuse the commit. The outbox and the entry change only after both, or not at all (I21).
    const data = change && readData(() => applyChange(entry.data, change));
    const appended = outbox && this.#records.outboxes.append(id, outbox);
    if (appended?.type === "full") return appended;
    if (data !== undefined) setData(entry, data, request.schemaVersion);
    const record = this.#records.clients.settle(id, numbers);
    const written = change && this.#records.written(id, entry, request.known);
    return { type: "committed", written, appended, record };
  }

  read(request: ReadRequest): ReadResult {
    return this.#entries.find(request.id) === undefined
      ? { type: "missing" }
      : this.#records.outboxes.read(request);
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
    this.#records.lifetimes.extend(id, entry, request);
    this.#touch(id, entry, request.idleMs);
    this.#presence.deadlineMoved(id);
    return { type: "extended", session: this.#records.snapshot(id, entry) };
  }

  rotate(request: RotateRequest): RotateResult {
    const entry = this.#entries.find(request.id);
    if (entry === undefined) return { type: "missing" };
    const refusal = rotationRefusal(entry, request);
    if (refusal !== undefined) return { type: refusal };
    const ended = this.#subjects.endedBy(request);
    if (ended === undefined) return { type: "crowded" };
    for (const one of ended) this.destroy(one);
    const { id, subject } = request;
    if (replaceToken(entry, request)) this.#records.clear(id);
    if (subject === undefined) return { type: "rotated", version: entry.version, session: undefined };
    this.#subjects.loggedIn(id, subject);
    this.#presence.identified(id, subject);
    const written = this.#records.written(id, entry, request.known);
    return { ...written, type: "rotated", ...(ended.length > 0 && { ended }) };
  }

  destroy(id: string): StoreDestroyResult {
    const entry = this.#entries.find(id);
    this.#entries.delete(id);
    if (entry !== undefined) this.#presence.ended(id, "destroyed", peekExtra(entry)?.subject);
    return { destroyed: entry === undefined ? [] : [id], closed: 0, unreachable: [] };
  }

  release(id: string, reason?: ReleaseReason): void {
    const entry = this.#entries.peek(id);
    if (entry === undefined || entry.connections === 0) return;
    entry.connections -= 1;
    this.#presence.released(id, reason);
  }

  async *ids(): AsyncIterable<string> {
    for (const [id] of this) yield id;
  }

  bySubject(subject: string): string[] {
    return this.#subjects.of(subject);
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
    return this.#presence.presenceOfSubject(subject, this.#subjects.of(subject));
  }

  watch(subjects: readonly string[], listener: (event: PresenceEvent) => void): () => void {
    for (const subject of subjects) assertSubjectText("mapStore", subject);
    return this.#presence.watch(subjects, listener);
  }

  close(): void {
    this.#entries.close();
    this.#presence.close();
  }

  #touch(id: string, entry: Entry, idleMs: number): void {
    this.#entries.touch(id, entry, this.#records.lifetimes.of(id)?.idleMs ?? idleMs);
  }
}
