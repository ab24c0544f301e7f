import type { LocalHolding } from "./local-presence.ts";
import { isExpired, monotonicNow, peekExtra } from "./map-entry.ts";
import type { Entry } from "./map-entry.ts";
import { TouchOrder } from "./touch-order.ts";

const SWEEP_MS = 1_000;
/** How many sessions an eviction, or a sweep, skips before it stops. Without the limit one call could block the event loop. */
const MAX_PASSED_OVER = 1_000;

export interface MapEntriesOptions {
  readonly maxSessions: number;
  /** Whether the host has a live connection of the session: such a session is not evicted. */
  readonly isHeld: (id: string) => boolean;
  /** Called after a session was deleted for any reason, so that its messages and records are deleted too. */
  readonly onDeleted: (id: string) => void;
  /** Whether the session has an idle time of its own. Such a session may expire before others that were touched earlier. */
  readonly hasOwnIdleTime: (id: string) => boolean;
  /** A session's deadline passed, and `onDeleted` was called. */
  readonly onExpired: (id: string, entry: Entry) => void;
  /** A session made room for another one, and `onDeleted` was called. */
  readonly onEvicted: (id: string, entry: Entry) => void;
  /** Called about once a second while there are sessions. */
  readonly onSweep: () => void;
}

/** The sessions of a map store by id, with their expiry and eviction. */
export class MapEntries {
  readonly #options: MapEntriesOptions;
  /** In order of creation. A touch does not change that order, so an iteration meets each session once. */
  readonly #entries = new Map<string, Entry>();
  /** In order of the last touch: with one idle time for all sessions, the order in which they expire. */
  readonly #byTouch = new TouchOrder(this.#entries);
  #sweeper: NodeJS.Timeout | undefined;

  constructor(options: MapEntriesOptions) {
    this.#options = options;
  }

  /** Expired sessions that were not swept count too. */
  get size(): number {
    return this.#entries.size;
  }

  /** The live sessions, without sessions that are created during the iteration. */
  *live(): Generator<readonly [id: string, entry: Entry]> {
    // New sessions come last. Skip them, because otherwise a loop that creates sessions, or that is slower than new sessions
    // arrive, would never end.
    let left = this.#entries.size;
    for (const one of this.#entries) {
      if (left === 0) return;
      left -= 1;
      if (!isExpired(one[1], monotonicNow())) yield one;
    }
  }

  /** The entry of a live session; `undefined` for an expired one, swept or not. */
  find(id: string): Entry | undefined {
    const entry = this.#entries.get(id);
    if (entry === undefined || !isExpired(entry, monotonicNow())) return entry;
    this.#expire(id, entry);
    return undefined;
  }

  /** The live sessions with their connections. */
  *holdings(): Generator<LocalHolding> {
    for (const [id, entry] of this.live())
      yield { id, subject: peekExtra(entry)?.subject, connections: entry.connections };
  }

  /** Milliseconds to the first deadline of a live session. */
  left(id: string): number | undefined {
    const entry = this.find(id);
    return entry && Math.min(entry.idleAt, entry.absoluteAt) - monotonicNow();
  }

  /** The entry, even if its deadline has passed. Does not expire the session. */
  peek(id: string): Entry | undefined {
    return this.#entries.get(id);
  }

  /** Makes room for one more session. Returns false if no session may be evicted. */
  makeRoom(): boolean {
    return this.#entries.size < this.#options.maxSessions || this.#evict();
  }

  add(id: string, entry: Entry): void {
    this.#entries.set(id, entry);
    this.#byTouch.append(id, entry);
    this.#scheduleSweep();
  }

  touch(id: string, entry: Entry, idleMs: number): void {
    entry.idleAt = monotonicNow() + idleMs;
    this.#byTouch.moveToEnd(id, entry);
  }

  delete(id: string): void {
    this.#byTouch.remove(this.#entries.get(id));
    this.#entries.delete(id);
    this.#options.onDeleted(id);
  }

  close(): void {
    clearTimeout(this.#sweeper);
    this.#sweeper = undefined;
  }

  #expire(id: string, entry: Entry): void {
    this.delete(id);
    this.#options.onExpired(id, entry);
  }

  #expireOldest(now: number): void {
    const most = Math.min(MAX_PASSED_OVER, this.#entries.size);
    let passed = 0;
    for (;;) {
      const [id, entry] = this.#byTouch.oldest() ?? [];
      if (id === undefined || entry === undefined) return;
      if (isExpired(entry, now)) this.#expire(id, entry);
      else if (passed < most && this.#options.hasOwnIdleTime(id)) {
        // Sessions that were touched later may expire earlier than this one. Move it to the end, so that the next sweep continues
        // behind it.
        this.#byTouch.moveToEnd(id, entry);
        passed += 1;
      } else return;
    }
  }

  /** Evicts one session: the one that was touched longest ago, among those without a connection. */
  #evict(): boolean {
    const now = monotonicNow();
    const most = Math.min(MAX_PASSED_OVER, this.#entries.size);
    for (let passed = 0; passed < most; passed += 1) {
      const [id, entry] = this.#byTouch.oldest() ?? [];
      if (id === undefined || entry === undefined) return false;
      if (isExpired(entry, now)) {
        this.#expire(id, entry);
        return true;
      }
      // The host counts a connection longer than the entry does: until the close handler has settled.
      if (entry.connections === 0 && !this.#options.isHeld(id)) {
        this.delete(id);
        this.#options.onEvicted(id, entry);
        return true;
      }
      // The session has a connection: move it to the end, so that the next eviction does not meet the session again.
      this.#byTouch.moveToEnd(id, entry);
    }
    return false;
  }

  /** A sweep starts from the session that was touched longest ago, so that its cost is proportional to the expired sessions. */
  #scheduleSweep(): void {
    if (this.#sweeper !== undefined) return;
    this.#sweeper = setTimeout(() => {
      this.#sweeper = undefined;
      this.#expireOldest(monotonicNow());
      this.#options.onSweep();
      if (this.#entries.size > 0) this.#scheduleSweep();
    }, SWEEP_MS);
    this.#sweeper.unref();
  }
}
