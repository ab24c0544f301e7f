/**
 * What time it is by the server's clock, told from answers that carry it. The estimate is the latest that the clock can
 * have been behind, so a not-after time made from it is never later than the caller's own deadline (I10); one that is too
 * early is refused by the script, whose answer corrects the estimate.
 */
export class ServerClock {
  /** Server's milliseconds less ours (monotonic). */
  #offset: number | undefined;

  get known(): boolean {
    return this.#offset !== undefined;
  }

  /** The server's clock read `serverMs` at some time between `sentAt` and `receivedAt`. */
  observe(serverMs: number, sentAt: number, receivedAt: number): void {
    const least = serverMs - receivedAt;
    const most = serverMs + 1 - sentAt;
    if (this.#offset === undefined || least > this.#offset || most < this.#offset) this.#offset = least;
  }

  /** Another server may answer from here on. */
  forget(): void {
    this.#offset = undefined;
  }

  /** The server's time at our time `at`. */
  serverTime(at: number): number {
    return Math.floor(at + (this.#offset ?? Number.NEGATIVE_INFINITY));
  }
}
