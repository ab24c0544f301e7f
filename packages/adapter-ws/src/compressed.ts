/**
 * Messages under way on a socket that negotiated compression. ws compresses on a thread, and nothing but the callback of
 * `send` tells when a message has left that thread: neither ws nor the TCP socket has an event for it. To look in each turn of
 * the event loop cost 1.8 times the CPU of a broadcast (fault E8).
 */
export class CompressedSends {
  #pending = 0;
  #waiting: (() => void) | undefined;

  /** For each `send`. Made once for each socket. */
  readonly onSent = (): void => {
    this.#pending -= 1;
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.();
  };

  begin(): this {
    this.#pending += 1;
    return this;
  }

  /** Calls `check` once a message has left; false: none of ours is under way. */
  wait(check: () => void): boolean {
    if (this.#pending === 0) return false;
    this.#waiting = check;
    return true;
  }
}
