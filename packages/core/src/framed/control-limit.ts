const WINDOW_MS = 10_000;
const MAX_FRAMES = 64;

/** Control frames that come without a message between them: so many within a short time are no client's that means well. A message ends the count. */
export class ControlLimit {
  #frames = 0;
  #until = 0;

  /** Whether one more is too many. */
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
