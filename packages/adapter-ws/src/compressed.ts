/**
 * Counts messages that are being compressed on a socket that negotiated compression. ws compresses on a thread pool. Only the
 * callback of `send` shows when a message has left the pool, because neither ws nor the TCP socket emits an event. Polling in each
 * turn of the event loop made a broadcast cost 1.8 times the CPU time (fault E8).
 */
export class CompressedSends {
  #pending = 0;
  #waiting: (() => void) | undefined;

  /** The callback for each `send`. It is created once per socket. */
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

  /** Calls `check` when the next message has been compressed; false if none is being compressed. */
  wait(check: () => void): boolean {
    if (this.#pending === 0) return false;
    this.#waiting = check;
    return true;
  }
}
