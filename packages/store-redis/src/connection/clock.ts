/**
 * Estimates the server's time from replies that contain it. The estimate is a lower bound, so a not-after
 * time computed from it is never later than the caller's own deadline (I10). If it is too early, the script
 * refuses the call, and its reply corrects the estimate.
 */
export class ServerClock {
  /** The server's time minus this process's monotonic time, in milliseconds. */
  #offset: number | undefined;

  get known(): boolean {
    return this.#offset !== undefined;
  }

  /** The server's clock showed `serverMs` at some time between `sentAt` and `receivedAt`. */
  observe(serverMs: number, sentAt: number, receivedAt: number): void {
    const least = serverMs - receivedAt;
    const most = serverMs + 1 - sentAt;
    if (this.#offset === undefined || least > this.#offset || most < this.#offset) this.#offset = least;
  }

  /** Discards the estimate, because another server may answer from now on. */
  forget(): void {
    this.#offset = undefined;
  }

  /** The server's time at this process's monotonic time `at`. */
  serverTime(at: number): number {
    return Math.floor(at + (this.#offset ?? Number.NEGATIVE_INFINITY));
  }
}

/** The server's time in milliseconds, from a reply to TIME; `undefined` for a reply that is no time. */
export function timeOf(reply: unknown): number | undefined {
  const [seconds = Number.NaN, micros = Number.NaN] = Array.isArray(reply) ? reply.map(Number) : [];
  const ms = seconds * 1_000 + Math.floor(micros / 1_000);
  return Number.isNaN(ms) ? undefined : ms;
}
