import { applyChange } from "./change.ts";
import { assertCount, assertOptions } from "../base/arguments.ts";
import { invalidArgument } from "../base/errors.ts";
import { assertSubjectText } from "../base/names.ts";
import {
  extraOf,
  isExpired,
  isFenced,
  isForeign,
  isOthers,
  match,
  monotonicNow,
  newEntry,
  peekExtra,
  snapshot,
  written,
} from "./map-entry.ts";
import type { Entry } from "./map-entry.ts";
import type { MapStore, MapStoreOptions } from "./map-options.ts";
import { MapOutboxes } from "./map-outboxes.ts";
import type { AppendRequest, AppendResult, ReadRequest, ReadResult } from "./outbox-contract.ts";
import { TouchOrder } from "./touch-order.ts";
import type {
  CreateRequest,
  CreateResult,
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

const SWEEP_MS = 1_000;
/** How many sessions with live connections an eviction passes over before it gives up. */
const MAX_PASSED_OVER = 1_000;

/**
 * A store that keeps sessions in the memory of this process, beyond their connections, until a deadline passes. Values are
 * kept by reference, as they are. One store serves one `createSessions`, with any number of servers bound to it.
 */
export function mapStore(options: MapStoreOptions = {}): MapStore {
  assertOptions("mapStore", options, ["maxSessions", "outbox"]);
  const { maxSessions = 1_000_000, outbox = {} } = options;
  assertCount("mapStore: maxSessions", maxSessions);
  assertOptions("mapStore: outbox", outbox, ["maxTotalBytes"]);
  const { maxTotalBytes = 256 * 1024 * 1024 } = outbox;
  assertCount("mapStore: outbox.maxTotalBytes", maxTotalBytes);
  return new MapSessionStore(maxSessions, maxTotalBytes);
}

class MapSessionStore implements MapStore {
  readonly capabilities: StoreCapabilities = {
    resumable: true,
    shared: false,
    values: "any",
    outbox: true,
  };
  readonly #maxSessions: number;
  /** In order of creation. A touch does not change that order, so an iteration meets each session once. */
  readonly #entries = new Map<string, Entry>();
  /** In order of the last touch: with one idle time for all sessions, the order in which they expire. */
  readonly #byTouch = new TouchOrder(this.#entries);
  readonly #outboxes: MapOutboxes;
  #host: StoreHost | undefined;
  #sweeper: NodeJS.Timeout | undefined;

  constructor(maxSessions: number, maxOutboxBytes: number) {
    this.#maxSessions = maxSessions;
    this.#outboxes = new MapOutboxes(maxOutboxBytes);
  }

  get size(): number {
    return this.#entries.size;
  }

  *[Symbol.iterator](): Iterator<readonly [string, object]> {
    // Sessions that are created meanwhile come last. They are left out, because otherwise a loop that creates sessions, or
    // takes longer than new ones take to come, would never end.
    let left = this.#entries.size;
    for (const [id, entry] of this.#entries) {
      if (left === 0) return;
      left -= 1;
      if (!isExpired(entry, monotonicNow())) yield [id, entry.data];
    }
  }

  attach(host: StoreHost): void {
    if (this.#host !== undefined)
      throw invalidArgument(
        "this mapStore() belongs to other sessions already: create one store for each createSessions",
      );
    this.#host = host;
  }

  create(request: CreateRequest): CreateResult {
    if (this.#find(request.id) !== undefined) return { type: "exists" };
    if (this.#entries.size >= this.#maxSessions && !this.#evict()) return { type: "full" };
    const entry = newEntry(request);
    this.#entries.set(request.id, entry);
    this.#byTouch.append(request.id, entry);
    this.#scheduleSweep();
    return { type: "created", session: snapshot(entry) };
  }

  resume(request: ResumeRequest): ResumeResult {
    const entry = this.#find(request.id);
    if (entry === undefined) return { type: "missing" };
    const by = match(entry, request);
    if (by === "wrong" || by === "stolen") return { type: by };
    if (isForeign(peekExtra(entry)?.subject, request, by)) return { type: "foreign" };
    if (by === "renewal") {
      // Keep the replaced digest: the cookie that the code renews is good for the grace, and a sign of theft after that.
      const extra = extraOf(entry);
      extra.digest = request.nextDigest;
      extra.renewal = undefined;
    }
    if (request.hold) entry.holders += 1;
    if (request.exclusive) extraOf(entry).fence += 1;
    if (request.touch !== false) this.#touch(request.id, entry, request.idleMs);
    return { type: "resumed", session: this.#snapshot(request.id, entry), by };
  }

  takeOver(id: string): TakeOverResult {
    const entry = this.#find(id);
    if (entry === undefined) return { type: "missing" };
    const extra = extraOf(entry);
    extra.fence += 1;
    return { type: "taken", fence: extra.fence };
  }

  load(id: string): StoredSession | undefined {
    const entry = this.#find(id);
    return entry === undefined ? undefined : this.#snapshot(id, entry);
  }

  write(request: WriteRequest): WriteResult {
    const entry = this.#find(request.id);
    if (entry === undefined) return { type: "missing" };
    if (isFenced(entry, request.fence)) return { type: "fenced" };
    if (request.expect !== undefined && request.expect !== entry.version) {
      return { type: "conflict", session: snapshot(entry) };
    }
    entry.data = applyChange(entry.data, request.change);
    entry.version += 1;
    if (request.schemaVersion !== (peekExtra(entry)?.schemaVersion ?? 0))
      extraOf(entry).schemaVersion = request.schemaVersion;
    return written(entry, request.known);
  }

  append(request: AppendRequest): AppendResult {
    const entry = this.#find(request.id);
    if (entry === undefined) return { type: "missing" };
    return isFenced(entry, request.fence) ? { type: "fenced" } : this.#outboxes.append(request);
  }

  read(request: ReadRequest): ReadResult {
    return this.#find(request.id) === undefined ? { type: "missing" } : this.#outboxes.read(request);
  }

  touch(id: string, idleMs: number, absoluteMs?: number): boolean {
    const entry = this.#find(id);
    if (entry === undefined) return false;
    if (absoluteMs !== undefined) entry.absoluteAt = monotonicNow() + absoluteMs;
    this.#touch(id, entry, idleMs);
    return true;
  }

  rotate(request: RotateRequest): RotateResult {
    const entry = this.#find(request.id);
    if (entry === undefined) return { type: "missing" };
    if (isFenced(entry, request.fence)) return { type: "fenced" };
    if (isOthers(peekExtra(entry)?.subject, request)) return { type: "foreign" };
    const now = monotonicNow();
    const extra = extraOf(entry);
    extra.previous =
      extra.digest === undefined ? undefined : { digest: extra.digest, until: now + request.graceMs };
    extra.renewal = { digest: request.renewalDigest, until: now + request.renewalMs };
    extra.digest = request.digest;
    if (request.subject !== undefined) {
      // Messages for one user must not reach the next user of this session.
      if (extra.subject !== undefined && extra.subject !== request.subject) this.#outboxes.clear(request.id);
      extra.subject = request.subject;
      entry.version += 1;
      return { ...written(entry, request.known), type: "rotated" };
    }
    return { type: "rotated", version: entry.version, session: undefined };
  }

  destroy(id: string): StoreDestroyResult {
    const existed = this.#find(id) !== undefined;
    this.#delete(id);
    return { destroyed: existed ? [id] : [], closed: 0, unreachable: [] };
  }

  release(id: string): void {
    const entry = this.#entries.get(id);
    if (entry !== undefined && entry.holders > 0) entry.holders -= 1;
  }

  async *ids(): AsyncIterable<string> {
    for (const [id] of this) yield id;
  }

  bySubject(subject: string): string[] {
    assertSubjectText("mapStore", subject);
    const now = monotonicNow();
    const ids: string[] = [];
    for (const [id, entry] of this.#entries) {
      if (peekExtra(entry)?.subject === subject && !isExpired(entry, now)) ids.push(id);
    }
    return ids;
  }

  destroySubject(subject: string): StoreDestroyResult {
    const destroyed = this.bySubject(subject);
    for (const id of destroyed) this.#delete(id);
    return { destroyed, closed: 0, unreachable: [] };
  }

  presence(): StorePresence {
    return { nodes: [], missing: [] };
  }

  close(): void {
    clearTimeout(this.#sweeper);
    this.#sweeper = undefined;
  }

  /** The entry of a live session; `undefined` for an expired one, swept or not. */
  #find(id: string): Entry | undefined {
    const entry = this.#entries.get(id);
    if (entry === undefined || !isExpired(entry, monotonicNow())) return entry;
    this.#expire(id);
    return undefined;
  }

  #delete(id: string): void {
    this.#byTouch.remove(this.#entries.get(id));
    this.#entries.delete(id);
    this.#outboxes.delete(id);
  }

  #snapshot(id: string, entry: Entry): StoredSession {
    const outbox = this.#outboxes.end(id);
    return outbox === undefined ? snapshot(entry) : { ...snapshot(entry), outbox };
  }

  #expire(id: string): void {
    this.#delete(id);
    this.#host?.notify({ type: "expired", id });
  }

  #touch(id: string, entry: Entry, idleMs: number): void {
    entry.idleAt = monotonicNow() + idleMs;
    this.#byTouch.moveToEnd(id, entry);
  }

  /** Evicts one session. The number of sessions that the search passes over is bounded. */
  #evict(): boolean {
    const now = monotonicNow();
    const most = Math.min(MAX_PASSED_OVER, this.#entries.size);
    for (let passed = 0; passed < most; passed += 1) {
      const [id, entry] = this.#byTouch.oldest() ?? [];
      if (id === undefined || entry === undefined) return false;
      if (isExpired(entry, now)) {
        this.#expire(id);
        return true;
      }
      // The host counts a connection longer than the entry does: until the close handler has settled.
      if (entry.holders === 0 && this.#host?.held(id) === undefined) {
        this.#delete(id);
        return true;
      }
      // The session has a connection: move it to the end, so that the next eviction does not pass over it again.
      this.#byTouch.moveToEnd(id, entry);
    }
    return false;
  }

  /** Starts from the session that was touched longest ago, so that a sweep costs what has expired and no more. */
  #scheduleSweep(): void {
    if (this.#sweeper !== undefined) return;
    this.#sweeper = setTimeout(() => {
      this.#sweeper = undefined;
      const now = monotonicNow();
      for (;;) {
        const [id, entry] = this.#byTouch.oldest() ?? [];
        if (id === undefined || entry === undefined || !isExpired(entry, now)) break;
        this.#expire(id);
      }
      this.#outboxes.sweep();
      if (this.#entries.size > 0) this.#scheduleSweep();
    }, SWEEP_MS);
    this.#sweeper.unref();
  }
}
