/** The idle and absolute deadlines of sessions, and the timers of those that have a live connection here. */
import type { Deadlines } from "../base/deadlines.ts";
import { GONE } from "../base/endings.ts";
import { asStoreError } from "../base/errors.ts";
import type { Settings } from "../api/settings.ts";
import { awaitMessages, takeActivity } from "./activity.ts";
import { DEADLINE_TOLERANCE_MS, isDue } from "./lifetime.ts";
import { wallClock } from "../base/wall-clock.ts";
import type { KnownDeadlines, Lifetime, LifetimeKeeper } from "./lifetime.ts";
import type { LocalSession } from "./local-session.ts";
import type { SessionConnection } from "./session-connection.ts";

/** How often within the idle time a live session is checked. A touch is late by a tenth of the idle time at most. */
const CHECKS_PER_IDLE_TIME = 10;
/** A part of the idle time. If more is left when a connection ends, the touch is omitted to save a call of the store. */
const JUST_TOUCHED = 0.95;
/** Milliseconds. The longest time from the last check to the idle deadline. After that check a message touches the session at once. */
const LAST_CHECK_MS = 1_000;
/** How often the deadlines are read before a slow answer is used. */
const MAX_READS = 3;
/** Milliseconds from a failed call of the store to the next attempt. */
const RETRY_MS = 1_000;

type LifetimeSettings<Data extends object> = Pick<Settings<Data>, "idleMs" | "idleFrom" | "expiringMs">;

/**
 * Keeps sessions alive while their clients send messages (`idleFrom: "message"`) or are connected (`"disconnect"`), and ends them
 * at their deadlines. A message only sets a flag. At intervals the flagged sessions are touched in the store, so that a message
 * costs no round trip.
 */
export class LifetimeWatch<Data extends object> implements LifetimeKeeper<LocalSession<Data>> {
  /** Whether any handler `expiring` is bound. Without one there is no warning of an idle deadline, and no read of the store for it. */
  hasListeners = false;
  readonly #deadlines: Deadlines;
  readonly #settings: LifetimeSettings<Data>;

  constructor(deadlines: Deadlines, settings: LifetimeSettings<Data>) {
    this.#deadlines = deadlines;
    this.#settings = settings;
  }

  /** Stores the deadlines of a session. Stores nothing for a session without deadlines and without lifetimes of its own. */
  set(state: LocalSession<Data>, { idleInMs, absoluteInMs, own }: KnownDeadlines): void {
    const known = state.lifetime;
    if (idleInMs === Infinity && absoluteInMs === Infinity && own === undefined) {
      known?.check?.cancel();
      state.lifetime = undefined;
      return;
    }
    const now = performance.now();
    const idleAt = now + idleInMs;
    const absoluteAt = now + absoluteInMs;
    const lifetime = (state.lifetime ??= {
      idleAt,
      absoluteAt,
      own,
      isWatched: state.connectionCount > 0,
      hasWarned: false,
      hasWarnedOfIdle: false,
      needsTouch: false,
      check: undefined,
      checkAt: 0,
    });
    lifetime.own = own;
    // Every answer of the store moves the deadlines a little, because clocks differ. Only a larger move is a new deadline.
    if (Math.abs(absoluteAt - lifetime.absoluteAt) > toleranceMs(this.#settings.expiringMs))
      lifetime.hasWarned = false;
    if (Math.abs(idleAt - lifetime.idleAt) > toleranceMs(this.#idleWarningMs(lifetime)))
      lifetime.hasWarnedOfIdle = false;
    lifetime.idleAt = idleAt;
    lifetime.absoluteAt = absoluteAt;
    if (lifetime.isWatched) this.#schedule(state, lifetime);
  }

  /** A touch moved the idle deadline to the session's idle time from now. `undefined` leaves the absolute deadline. */
  touched(state: LocalSession<Data>, absoluteInMs: number | undefined, sinceMs = 0): void {
    const { absoluteInMs: left, own } = this.left(state);
    this.set(state, { idleInMs: this.idleMsOf(state) - sinceMs, absoluteInMs: absoluteInMs ?? left, own });
  }

  /** Starts to watch the deadlines of a session that has a connection here. */
  watch(state: LocalSession<Data>): void {
    const { lifetime } = state;
    if (lifetime === undefined) return;
    lifetime.isWatched = true;
    this.#schedule(state, lifetime);
  }

  /** Stops the timers. Keeps the deadlines, for handles. */
  unwatch({ lifetime }: LocalSession<Data>): void {
    if (lifetime === undefined) return;
    lifetime.isWatched = false;
    lifetime.check?.cancel();
    lifetime.check = undefined;
  }

  /** The session's own idle time, or that of the options. */
  idleMsOf(state: LocalSession<Data>): number {
    return state.lifetime?.own?.idleMs ?? this.#settings.idleMs;
  }

  /** Milliseconds to the deadlines; `Infinity` for a session without deadlines. */
  left({ lifetime }: LocalSession<Data>): KnownDeadlines {
    if (lifetime === undefined) return { idleInMs: Infinity, absoluteInMs: Infinity };
    const now = performance.now();
    const { idleAt, absoluteAt, own } = lifetime;
    return { idleInMs: idleAt - now, absoluteInMs: absoluteAt - now, own };
  }

  isDue(state: LocalSession<Data>): boolean {
    return isDue(this.left(state), this.idleMsOf(state));
  }

  /** When the session expires, milliseconds since the epoch; `Infinity` for never. */
  expiresAt({ lifetime }: LocalSession<Data>): number {
    return wallClock(lifetime?.absoluteAt ?? Infinity);
  }

  /** As `expiresAt`, for the idle deadline. With idleFrom "disconnect" a session with a connection here has none. */
  idleExpiresAt({ lifetime, connectionCount }: LocalSession<Data>): number {
    const isKept = lifetime === undefined || (this.#isKeptByConnections(lifetime) && connectionCount > 0);
    return wallClock(isKept ? Infinity : lifetime.idleAt);
  }

  /** Touches the session at once for a message after the last check, because the next check would be too late. */
  touchNow(state: LocalSession<Data>): void {
    if (state.lifetime !== undefined) this.#start(state, state.lifetime);
  }

  /** Touches the session when a connection ends, because no later check would count the connection's last message. */
  onConnectionClosed(state: LocalSession<Data>, connection: SessionConnection<Data>): void {
    const { lifetime } = state;
    if (lifetime === undefined || state.isGone) return;
    // With idleFrom "disconnect" the idle time begins now, if no other connection of this process is left.
    const beginsIdle = this.#isKeptByConnections(lifetime) && state.connectionCount === 1;
    if (!connection.isActive && !beginsIdle) return;
    // The session was touched just now, for example by its handshake. A second touch would cost a round trip for each short visit.
    if (lifetime.idleAt - performance.now() > this.idleMsOf(state) * JUST_TOUCHED) return;
    lifetime.needsTouch = true;
    this.#start(state, lifetime);
  }

  /** Calls `expiring` for a new connection after its `open`, if the call for the session's other connections was made before. */
  warnIfExpiring(state: LocalSession<Data>, connection: SessionConnection<Data>): void {
    if (state.lifetime?.hasWarned !== true && state.lifetime?.hasWarnedOfIdle !== true) return;
    this.#deadlines.after(0, () => {
      const { lifetime } = state;
      if (lifetime === undefined) return;
      const { idleInMs, absoluteInMs } = this.left(state);
      if (lifetime.hasWarned && absoluteInMs > 0 && absoluteInMs <= this.#settings.expiringMs)
        connection.expiring(Math.round(absoluteInMs), "absolute");
      if (lifetime.hasWarnedOfIdle && idleInMs > 0 && idleInMs <= this.#idleWarningMs(lifetime))
        connection.expiring(Math.round(idleInMs), "idle");
    });
  }

  #isKeptByConnections({ idleAt }: Lifetime): boolean {
    return this.#settings.idleFrom === "disconnect" && idleAt !== Infinity;
  }

  /** How long before the idle deadline the handler `expiring` is called: half of an idle time that is not above `expiringMs`. */
  #idleWarningMs({ own }: Lifetime): number {
    const { expiringMs, idleMs: common } = this.#settings;
    const idleMs = own?.idleMs ?? common;
    return idleMs > expiringMs ? expiringMs : idleMs / 2;
  }

  /** When the `expiring` handlers have to be called for the absolute deadline. */
  #absoluteWarningAt({ absoluteAt, hasWarned }: Lifetime): number {
    // Without that deadline, `expiringMs: Infinity` would give NaN, and a timer for NaN never fires.
    return hasWarned || absoluteAt === Infinity ? Infinity : absoluteAt - this.#settings.expiringMs;
  }

  /** When the `expiring` handlers have to be called for the idle deadline. */
  #idleWarningAt(lifetime: Lifetime): number {
    const { idleAt, absoluteAt, hasWarnedOfIdle } = lifetime;
    const isExpected = this.hasListeners && !hasWarnedOfIdle && idleAt < absoluteAt;
    if (!isExpected || this.#isKeptByConnections(lifetime)) return Infinity;
    return idleAt - this.#idleWarningMs(lifetime);
  }

  #schedule(state: LocalSession<Data>, lifetime: Lifetime, retryMs = 0): void {
    const now = performance.now();
    const idleMs = this.idleMsOf(state);
    const lastCheck = lifetime.idleAt - lastCheckMs(idleMs);
    const idle = now < lastCheck ? lastCheck : lifetime.idleAt;
    const wanted = Math.min(
      now + idleMs / CHECKS_PER_IDLE_TIME,
      idle,
      lifetime.absoluteAt,
      this.#absoluteWarningAt(lifetime),
      this.#idleWarningAt(lifetime),
    );
    const next = Math.max(wanted, now + retryMs);
    if (next === Infinity) return;
    // An earlier check covers the same work, and schedules the next check.
    if (lifetime.check !== undefined && lifetime.checkAt <= next) return;
    lifetime.check?.cancel();
    lifetime.checkAt = next;
    lifetime.check = this.#deadlines.after(next - now, () => {
      lifetime.check = undefined;
      this.#start(state, lifetime);
    });
  }

  /** Shutdown waits for the check, because a touch of the last message may take several calls of the store. */
  #start(state: LocalSession<Data>, lifetime: Lifetime): void {
    const check = state.context.calls.counted(() => this.#check(state, lifetime));
    check.catch((error: unknown) => {
      state.context.report(asStoreError(error), { stage: "store", sessionId: state.id });
      const retryMs = Math.min(RETRY_MS, this.idleMsOf(state) / CHECKS_PER_IDLE_TIME);
      if (lifetime.isWatched && state.lifetime === lifetime) this.#schedule(state, lifetime, retryMs);
    });
  }

  async #check(state: LocalSession<Data>, lifetime: Lifetime): Promise<void> {
    const now = performance.now();
    this.#warnOfAbsolute(state, lifetime, now);
    if (takeActivity(state) || (state.connectionCount > 0 && this.#isKeptByConnections(lifetime)))
      lifetime.needsTouch = true;
    if (now < lifetime.absoluteAt && lifetime.needsTouch) {
      await this.#touch(state, lifetime, now);
    } else if (now >= Math.min(lifetime.idleAt, lifetime.absoluteAt)) {
      // Another process may have moved a deadline, so read the session before ending it.
      await this.#reload(state, lifetime);
    } else if (this.#idleWarningAt(lifetime) <= now) {
      await this.#warnOfIdle(state, lifetime);
    } else {
      if (lifetime.idleAt - now <= lastCheckMs(this.idleMsOf(state))) awaitMessages(state);
      if (lifetime.isWatched) this.#schedule(state, lifetime);
    }
  }

  async #touch(state: LocalSession<Data>, lifetime: Lifetime, askedAt: number): Promise<void> {
    if (!(await state.context.store.touch(state.id, this.#settings.idleMs))) {
      state.endSession(GONE);
      return;
    }
    lifetime.needsTouch = false;
    // Count from the request: a slow answer must not make the deadline here later than the store's.
    this.touched(state, undefined, performance.now() - askedAt);
  }

  async #reload(state: LocalSession<Data>, lifetime: Lifetime): Promise<void> {
    const slowMs = toleranceMs(this.#idleWarningMs(lifetime));
    for (let reads = 1; ; reads += 1) {
      const askedAt = performance.now();
      const stored = await state.context.store.load(state.id);
      if (stored === undefined) return void state.endSession(GONE);
      const tookMs = performance.now() - askedAt;
      // The deadline in a slow answer may be too early by the time that the answer took. The next answer would then count as a new
      // deadline, and cause another warning.
      if (tookMs > slowMs && reads < MAX_READS) continue;
      return this.set(state, { ...stored, idleInMs: stored.idleInMs - tookMs });
    }
  }

  /** Calls the `expiring` handlers for the absolute deadline, if it is near. */
  #warnOfAbsolute(state: LocalSession<Data>, lifetime: Lifetime, now: number): void {
    const { absoluteAt } = lifetime;
    if (now < this.#absoluteWarningAt(lifetime) || now >= absoluteAt) return;
    lifetime.hasWarned = true;
    for (const connection of state.connections())
      connection.expiring(Math.round(absoluteAt - now), "absolute");
  }

  /** Calls the `expiring` handlers for the idle deadline, unless the session was touched here or on another process. */
  async #warnOfIdle(state: LocalSession<Data>, lifetime: Lifetime): Promise<void> {
    if (state.context.store.capabilities.shared) {
      await this.#reload(state, lifetime);
      if (state.isGone || state.lifetime !== lifetime) return;
      if (takeActivity(state)) {
        lifetime.needsTouch = true;
        return this.#touch(state, lifetime, performance.now());
      }
      if (this.#idleWarningAt(lifetime) > performance.now()) return;
    }
    lifetime.hasWarnedOfIdle = true;
    const remainingMs = Math.round(lifetime.idleAt - performance.now());
    for (const connection of state.connections()) connection.expiring(remainingMs, "idle");
    // The next message touches the session at once, because it is the answer to the warning.
    awaitMessages(state);
    if (lifetime.isWatched) this.#schedule(state, lifetime);
  }
}

/** By how much two answers of the store may differ for one deadline that is announced `warningMs` before. */
function toleranceMs(warningMs: number): number {
  return Math.min(DEADLINE_TOLERANCE_MS, warningMs / 4);
}

function lastCheckMs(idleMs: number): number {
  return Math.min(LAST_CHECK_MS, idleMs / 4);
}
