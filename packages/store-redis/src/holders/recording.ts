import type { SessionEventType, Tracking } from "@wsession/core";

const NO_EVENTS: ReadonlySet<SessionEventType> = new Set();

/** Whether this process records presence: always, or while a process watches subjects. */
export class Recording {
  #tracking: Tracking | undefined;
  #wantedUntil = 0;
  #assumedUntil = 0;

  track(tracking: Tracking): void {
    this.#tracking = tracking;
  }

  /**
   * A process watches subjects, so presence is recorded for the next `ms` milliseconds. Returns whether the recording starts by
   * this call.
   */
  recordFor(ms: number): boolean {
    const starts = !this.isOn && this.#tracking !== undefined;
    this.#wantedUntil = Math.max(this.#wantedUntil, performance.now() + ms);
    return starts;
  }

  /**
   * This process publishes all changes for `ms` milliseconds, because it may have missed the message of a process that watches
   * subjects.
   */
  assumeWatched(ms: number): void {
    this.#assumedUntil = performance.now() + ms;
  }

  get isOn(): boolean {
    if (this.#tracking === undefined) return false;
    return this.#tracking.isAlways || performance.now() < this.#wantedUntil;
  }

  /** Whether a process may watch subjects, so that changes must be published. */
  get isWatched(): boolean {
    return performance.now() < Math.max(this.#wantedUntil, this.#assumedUntil);
  }

  get leaveMs(): number {
    return Math.ceil(Math.min(this.#tracking?.leaveAfterMs ?? 0, Number.MAX_SAFE_INTEGER / 1_000));
  }

  get events(): ReadonlySet<SessionEventType> {
    return this.#tracking?.events ?? NO_EVENTS;
  }

  /**
   * The number of connections for a script, as `split_hold` in prelude-presence.lua reads it. `leaves`: the last connection ended by
   * a clean close.
   */
  hold(count: number | undefined, leaves: boolean = false): string {
    const text = count === undefined ? "" : String(count);
    if (!this.isOn) return text;
    const leaving = leaves ? (this.events.has("left") ? "le" : "l") : "";
    const wanting = this.events.has("destroyed") ? "d" : "";
    return `${text};${this.leaveMs};${leaving}${wanting}`;
  }

  async deliver(type: SessionEventType, event: Parameters<Tracking["deliver"]>[1]): Promise<void> {
    await this.#tracking?.deliver(type, event);
  }
}
