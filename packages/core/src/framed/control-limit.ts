const WINDOW_MS = 10_000;
const MAX_FRAMES = 64;

/**
 * Limits the control frames that arrive without a message between them. A correct client never reaches the limit. A message resets
 * the count.
 */
export class ControlLimit {
  /** How many attaches have arrived on the connection. */
  attaches: number;
  #frames = 0;
  #until = 0;

  constructor(attaches: number) {
    this.attaches = attaches;
  }

  /** Counts a control frame. Returns whether the limit is exceeded. */
  isExceeded(): boolean {
    const now = performance.now();
    if (now >= this.#until) {
      this.#until = now + WINDOW_MS;
      this.#frames = 0;
    }
    this.#frames += 1;
    return this.#frames > MAX_FRAMES;
  }
}
