import { setImmediate } from "node:timers";
import { monitorEventLoopDelay } from "node:perf_hooks";
import type { IntervalHistogram } from "node:perf_hooks";

/** Milliseconds between two samples. A shorter block of the loop may pass unseen. */
const RESOLUTION_MS = 20;
/** Milliseconds. The histogram is not reset at each call, because then one probe would hide a delay from another probe. */
const WINDOW_MS = 10_000;
const NANOSECONDS = 1e6;

/**
 * Measures the delay of the event loop, from the first call of `longestMs` on. Node samples without JavaScript and without
 * keeping the process alive.
 */
export class EventLoopDelay {
  #histogram: IntervalHistogram | undefined;
  #windowStart = 0;
  /** The longest delay in the window before this one. */
  #previousMs = 0;
  #isClosed = false;

  /** The longest delay of the last one to two windows, in milliseconds. Waits for the end of this turn of the loop. */
  async longestMs(): Promise<number> {
    const turnMs = await turnOfLoop();
    if (this.#isClosed) return turnMs;
    const now = performance.now();
    if (this.#histogram === undefined) {
      this.#histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
      this.#histogram.enable();
      this.#windowStart = now;
    }
    // A sample is the time between two timers, so it includes the resolution. `max` is 0 as long as there is no sample.
    const currentMs = Math.max(0, this.#histogram.max / NANOSECONDS - RESOLUTION_MS);
    const longest = Math.max(turnMs, currentMs, this.#previousMs);
    if (now - this.#windowStart >= WINDOW_MS) {
      this.#previousMs = Math.max(turnMs, currentMs);
      this.#windowStart = now;
      this.#histogram.reset();
    }
    return longest;
  }

  /** Ends the sampling. Later calls of `longestMs` report only the delay of their own turn of the loop. */
  close(): void {
    this.#isClosed = true;
    this.#histogram?.disable();
  }
}

function turnOfLoop(): Promise<number> {
  const startedAt = performance.now();
  return new Promise((resolve) => {
    setImmediate(() => resolve(performance.now() - startedAt));
  });
}
