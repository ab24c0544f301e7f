import { MAX_TIMER_MS } from "../base/deadlines.ts";

/**
 * Timers at the deadlines of sessions, for an application with the event `expired`. The sweep alone would report expiries late.
 */
export class ExpiryTimers {
  /** Milliseconds to the session's deadline; `undefined` if there is no such session. Expires a session whose deadline has passed. */
  readonly #left: (id: string) => number | undefined;
  readonly #timers = new Map<string, NodeJS.Timeout>();

  constructor(left: (id: string) => number | undefined) {
    this.#left = left;
  }

  /**
   * Checks the session at its deadline. If the deadline has moved by then, the timer is set again, so a touch need not call
   * `arm`.
   */
  arm(id: string): void {
    clearTimeout(this.#timers.get(id));
    this.#timers.delete(id);
    const left = this.#left(id);
    if (left === undefined || left === Infinity) return;
    const timer = setTimeout(() => this.arm(id), Math.min(left + 1, MAX_TIMER_MS));
    timer.unref();
    this.#timers.set(id, timer);
  }

  disarm(id: string): void {
    clearTimeout(this.#timers.get(id));
    this.#timers.delete(id);
  }

  close(): void {
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
  }
}
