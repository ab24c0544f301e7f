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
import { TouchOrder } from "./touch-order.ts";
import type {
  CreateRequest,
  CreateResult,
  ResumeRequest,
  ResumeResult,
  RotateRequest,
  RotateResult,
  SessionStore,
  StoreCapabilities,
  StoredSession,
  StoreDestroyResult,
  StoreHost,
  StorePresence,
  TakeOverResult,
  WriteRequest,
  WriteResult,
} from "./contract.ts";

export interface MapStoreOptions {
  /**
   * Over it the session that has been idle longest goes, never one with a live connection; STORE_FULL where there is none
   * among the 1,000 that were touched longest ago (the next search begins behind these). Default 1,000,000.
   */
  readonly maxSessions?: number | undefined;
}

/** A SessionStore in this process that can be counted and searched. */
export interface MapStore extends SessionStore, Iterable<readonly [id: string, data: object]> {
  /**
   * Sessions that are there; ones past their deadline may be counted until they are swept: within a second of the idle
   * deadline, and not always sooner where the absolute one came first.
   */
  readonly size: number;
}

const SWEEP_MS = 1_000;
/** How many sessions with live connections an eviction passes over before it gives up. */
const MAX_PASSED_OVER = 1_000;

/**
 * Keeps sessions in this process, beyond their connections, until a deadline passes. Values are kept by reference, as
 * they are. One store serves one `createSessions`, with any number of servers bound to it.
 */
export function mapStore(options: MapStoreOptions = {}): MapStore {
  assertOptions("mapStore", options, ["maxSessions"]);
  const { maxSessions = 1_000_000 } = options;
  assertCount("mapStore: maxSessions", maxSessions);
  return new MapSessionStore(maxSessions);
}

class MapSessionStore implements MapStore {
  readonly capabilities: StoreCapabilities = { resumable: true, shared: false, values: "any" };
  readonly #maxSessions: number;
  /** In order of creation, which a touch does not change: an iteration meets each session once. */
  readonly #entries = new Map<string, Entry>();
  /** With one idle time for all, this is the order in which sessions expire. */
  readonly #byTouch = new TouchOrder(this.#entries);
  #host: StoreHost | undefined;
  #sweeper: NodeJS.Timeout | undefined;

  constructor(maxSessions: number) {
    this.#maxSessions = maxSessions;
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
    if (this.#host !== undefined) throw invalidArgument("this mapStore() is in use already");
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
      // What was replaced stays known: the cookie that the code renews is good for its grace, and a sign of theft after.
      const extra = extraOf(entry);
      extra.digest = request.nextDigest;
      extra.renewal = undefined;
    }
    if (request.hold) entry.holders += 1;
    if (request.exclusive) extraOf(entry).fence += 1;
    this.#touch(request.id, entry, request.idleMs);
    return { type: "resumed", session: snapshot(entry), by };
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
    return entry === undefined ? undefined : snapshot(entry);
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

  /** Expired is gone, swept or not. */
  #find(id: string): Entry | undefined {
    const entry = this.#entries.get(id);
    if (entry === undefined || !isExpired(entry, monotonicNow())) return entry;
    this.#expire(id);
    return undefined;
  }

  #delete(id: string): void {
    this.#byTouch.remove(this.#entries.get(id));
    this.#entries.delete(id);
  }

  #expire(id: string): void {
    this.#delete(id);
    this.#host?.notify({ type: "expired", id });
  }

  #touch(id: string, entry: Entry, idleMs: number): void {
    entry.idleAt = monotonicNow() + idleMs;
    this.#byTouch.moveToEnd(id, entry);
  }

  /** Makes room for one: costs what it passes over, and that is bounded. */
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
      // The host holds it longer, until the close handler has settled.
      if (entry.holders === 0 && this.#host?.held(id) === undefined) {
        this.#delete(id);
        return true;
      }
      // It has a connection: to the end, so that the next eviction does not meet it again.
      this.#byTouch.moveToEnd(id, entry);
    }
    return false;
  }

  /** From the oldest on, so that it costs what has expired. */
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
      if (this.#entries.size > 0) this.#scheduleSweep();
    }, SWEEP_MS);
    this.#sweeper.unref();
  }
}
