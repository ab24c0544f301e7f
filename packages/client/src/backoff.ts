import { isRestart, SESSION_NEEDED, stopsBecause } from "./close-table.ts";
import type { ClosedWhy } from "./contract.ts";
import type { Settings } from "./options.ts";

/** A connection that lived so long was no failure. */
const STEADY_MS = 5_000;
const RESTART_MS = 1_000;
const LOGIN_MS = 2_000;
const LOGIN_ATTEMPTS = 2;

/** When to try again, with full jitter: a thousand clients that lost one server come back one by one. */
export class Backoff {
  readonly #settings: Settings;
  #failures = 0;
  #logins = 0;
  #greetedAt: number | undefined;
  #hadSession = false;

  constructor(settings: Settings) {
    this.#settings = settings;
  }

  greeted(hasSession: boolean): void {
    this.#greetedAt = Date.now();
    this.#logins = 0;
    this.#hadSession ||= hasSession;
  }

  /** What follows a connection, or an attempt, that ended: milliseconds until the next one, or why there is none. */
  next(code: number): number | ClosedWhy {
    const wasGreeted = this.#greetedAt !== undefined;
    if (Date.now() - (this.#greetedAt ?? Infinity) >= STEADY_MS) this.#failures = 0;
    this.#greetedAt = undefined;
    const why = stopsBecause(code);
    // A tab that renewed the cookie, or logs in just now, leaves the others with a dead one for a moment.
    const mayRecover = code === SESSION_NEEDED && this.#hadSession && this.#logins++ < LOGIN_ATTEMPTS;
    if (why !== undefined) return mayRecover ? Math.random() * LOGIN_MS : why;
    if (isRestart(code) && wasGreeted) return Math.random() * RESTART_MS;
    return Math.random() * Math.min(this.#settings.maxMs, this.#settings.minMs * 2 ** this.#failures++);
  }
}
