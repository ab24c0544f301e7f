/** The idle and absolute deadlines of the sessions that have a live connection here. */
import type { Deadline, Deadlines } from "../base/deadlines.ts";
import { EXPIRED } from "../base/endings.ts";
import { asStoreError } from "../base/errors.ts";
import type { Settings } from "../api/settings.ts";
import type { LocalSession } from "./local-session.ts";
import type { SessionConnection } from "./session-connection.ts";

/** The deadlines of a session with live connections, by this process's monotonic clock. */
interface Lifetime {
  idleAt: number;
  absoluteAt: number;
  /** Whether the `expiring` handlers were called for this absolute deadline. */
  warned: boolean;
  /** A message arrived after the last touch in the store. Stays true if the touch fails, so that the touch is tried again. */
  needsTouch: boolean;
  check: Deadline | undefined;
  checkAt: number;
}

/** How often within `idleMs` a live session is checked. A touch is late by a tenth of `idleMs` at most. */
const LOOKS_PER_IDLE_TIME = 10;
/** Part of `idleMs`. If more than this is left when a connection ends, the touch is omitted to save a call of the store. */
const JUST_TOUCHED = 0.95;
/** The longest time between the last check and the idle deadline. After that check a message touches the session at once. */
const LAST_LOOK_MS = 1_000;
const CLOCKS_DIFFER_MS = 1_000;
/** How long after a failed call of the store the call is tried again, milliseconds. */
const RETRY_MS = 1_000;

/**
 * Keeps sessions alive while their clients send messages, and ends them at their deadlines. A message only sets a flag. At
 * intervals the flagged sessions are touched in the store, so that a message costs no round trip.
 */
export class Lifetimes<Data extends object> {
  readonly #deadlines: Deadlines;
  readonly #settings: Pick<Settings<Data>, "idleMs" | "expiringMs">;
  readonly #lifetimes = new Map<LocalSession<Data>, Lifetime>();

  constructor(deadlines: Deadlines, settings: Pick<Settings<Data>, "idleMs" | "expiringMs">) {
    this.#deadlines = deadlines;
    this.#settings = settings;
  }

  /** Starts to watch a session, or moves the deadlines of a watched one. A session without deadlines is not kept here. */
  watch(state: LocalSession<Data>, idleInMs: number, absoluteInMs: number): void {
    if (idleInMs === Infinity && absoluteInMs === Infinity) return this.unwatch(state);
    const now = performance.now();
    const absoluteAt = now + absoluteInMs;
    const known = this.#lifetimes.get(state);
    const lifetime = known ?? {
      idleAt: 0,
      absoluteAt,
      warned: false,
      needsTouch: false,
      check: undefined,
      checkAt: 0,
    };
    if (known === undefined) this.#lifetimes.set(state, lifetime);
    // Every answer of the store moves the deadline a little, since clocks differ. Only a larger move is a new deadline.
    const moved = Math.abs(absoluteAt - lifetime.absoluteAt);
    if (moved > Math.min(CLOCKS_DIFFER_MS, this.#settings.expiringMs / 4)) lifetime.warned = false;
    lifetime.idleAt = now + idleInMs;
    lifetime.absoluteAt = absoluteAt;
    this.#schedule(state, lifetime);
  }

  /** Touches the session at once for a message after the last check, because the next check would be too late. */
  touchNow(state: LocalSession<Data>): void {
    const lifetime = this.#lifetimes.get(state);
    if (lifetime !== undefined) this.#start(state, lifetime);
  }

  /** Touches the session when a connection ends, because no later check would count the connection's last message. */
  onConnectionClosed(state: LocalSession<Data>, connection: SessionConnection<Data>): void {
    const lifetime = this.#lifetimes.get(state);
    if (lifetime === undefined || state.gone || !connection.active) return;
    const { idleMs } = this.#settings;
    // The session was touched just now, for example by its handshake. One more round trip for each short visit would cost too much.
    if (lifetime.idleAt - performance.now() > idleMs * JUST_TOUCHED) return;
    lifetime.needsTouch = true;
    this.#start(state, lifetime);
  }

  /** Moves the deadlines of a watched session. `undefined` leaves the absolute deadline where it is. */
  move(state: LocalSession<Data>, idleInMs: number, absoluteInMs: number | undefined): void {
    const lifetime = this.#lifetimes.get(state);
    if (lifetime === undefined) return;
    this.watch(state, idleInMs, absoluteInMs ?? lifetime.absoluteAt - performance.now());
  }

  /** Calls `expiring` for a new connection after its `open`, if the session's other connections had the call before. */
  warnIfExpiring(state: LocalSession<Data>, connection: SessionConnection<Data>): void {
    if (this.#lifetimes.get(state)?.warned !== true) return;
    this.#deadlines.after(0, () => {
      const { absoluteInMs } = this.left(state);
      if (absoluteInMs > 0 && absoluteInMs <= this.#settings.expiringMs)
        connection.expiring(Math.round(absoluteInMs));
    });
  }

  unwatch(state: LocalSession<Data>): void {
    this.#lifetimes.get(state)?.check?.cancel();
    this.#lifetimes.delete(state);
  }

  /** Milliseconds to the deadlines; `Infinity` for a session without deadlines. */
  left(state: LocalSession<Data>): { readonly idleInMs: number; readonly absoluteInMs: number } {
    const lifetime = this.#lifetimes.get(state);
    if (lifetime === undefined) return { idleInMs: Infinity, absoluteInMs: Infinity };
    const now = performance.now();
    return { idleInMs: lifetime.idleAt - now, absoluteInMs: lifetime.absoluteAt - now };
  }

  #schedule(state: LocalSession<Data>, lifetime: Lifetime, retryMs = 0): void {
    const now = performance.now();
    const { idleMs, expiringMs } = this.#settings;
    const warning = lifetime.warned ? Infinity : lifetime.absoluteAt - expiringMs;
    const lastCheck = lifetime.idleAt - lastCheckMs(idleMs);
    const idle = now < lastCheck ? lastCheck : lifetime.idleAt;
    const wanted = Math.min(now + idleMs / LOOKS_PER_IDLE_TIME, idle, lifetime.absoluteAt, warning);
    const next = Math.max(wanted, now + retryMs);
    // An earlier check covers the same work, and schedules the next check.
    if (lifetime.check !== undefined && lifetime.checkAt <= next) return;
    lifetime.check?.cancel();
    lifetime.checkAt = next;
    lifetime.check = this.#deadlines.after(next - now, () => {
      lifetime.check = undefined;
      this.#start(state, lifetime);
    });
  }

  #start(state: LocalSession<Data>, lifetime: Lifetime): void {
    this.#check(state, lifetime).catch((error: unknown) => {
      state.context.report(asStoreError(error), { stage: "store", sessionId: state.id });
      const retryMs = Math.min(RETRY_MS, this.#settings.idleMs / LOOKS_PER_IDLE_TIME);
      if (this.#lifetimes.get(state) === lifetime) this.#schedule(state, lifetime, retryMs);
    });
  }

  async #check(state: LocalSession<Data>, lifetime: Lifetime): Promise<void> {
    const now = performance.now();
    if (
      !lifetime.warned &&
      lifetime.absoluteAt - this.#settings.expiringMs <= now &&
      now < lifetime.absoluteAt
    ) {
      lifetime.warned = true;
      for (const connection of state.connections())
        connection.expiring(Math.round(lifetime.absoluteAt - now));
    }
    if (takeActivity(state)) lifetime.needsTouch = true;
    if (now < lifetime.absoluteAt && lifetime.needsTouch) {
      await this.#touch(state, lifetime, now);
    } else if (now >= Math.min(lifetime.idleAt, lifetime.absoluteAt)) {
      // Another process may have moved a deadline, so read the session before ending it.
      const stored = await state.context.store.load(state.id);
      if (stored === undefined) state.endSession(EXPIRED);
      else this.move(state, stored.idleInMs - (performance.now() - now), stored.absoluteInMs);
    } else {
      if (lifetime.idleAt - now <= lastCheckMs(this.#settings.idleMs))
        for (const connection of state.connections()) connection.awaitMessage();
      this.#schedule(state, lifetime);
    }
  }

  async #touch(state: LocalSession<Data>, lifetime: Lifetime, askedAt: number): Promise<void> {
    const { idleMs } = this.#settings;
    if (!(await state.context.store.touch(state.id, idleMs))) {
      state.endSession(EXPIRED);
      return;
    }
    lifetime.needsTouch = false;
    // Count from the request: a slow answer must not make the deadline here later than the store's.
    this.move(state, idleMs - (performance.now() - askedAt), undefined);
  }
}

function lastCheckMs(idleMs: number): number {
  return Math.min(LAST_LOOK_MS, idleMs / 4);
}

function takeActivity<Data extends object>(state: LocalSession<Data>): boolean {
  let active = false;
  for (const connection of state.connections()) {
    active ||= connection.active;
    connection.active = false;
  }
  return active;
}
