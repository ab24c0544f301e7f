/**
 * Calls `decide` once what has arrived on sockets by now was read. A timer that fires after the process stood still (garbage
 * collection, a debugger, SIGSTOP) runs before the event loop reads the sockets, so that an answer which came in time would
 * count as missing. Two turns, because the first one may have started with its poll phase over.
 */
export function afterArrivals(decide: () => void): void {
  setImmediate(() => setImmediate(decide));
}

/** A timer whose end is decided after what has arrived by then was read. */
export class PatientTimer {
  #timer: NodeJS.Timeout | undefined;
  #isOver = false;

  constructor(ms: number, decide: () => void) {
    this.#timer = setTimeout(
      () => {
        this.#timer = undefined;
        afterArrivals(() => {
          if (!this.#isOver) decide();
        });
      },
      Math.max(0, ms),
    );
  }

  /** Lets the process end while this timer runs. */
  unref(): this {
    this.#timer?.unref();
    return this;
  }

  stop(): void {
    this.#isOver = true;
    clearTimeout(this.#timer);
  }
}
