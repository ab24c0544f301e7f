import type { Output } from "./output.ts";

/** The bar is drawn at most once in this many milliseconds. */
const REDRAWN_MS = 100;
const WIDTH = 30;

/** A progress bar on stderr. It is not drawn if stderr is not a terminal. */
export class ProgressBar {
  readonly #stream: Output;
  readonly #now: () => number;
  readonly #startedAt: number;
  #drawnAt = Number.NEGATIVE_INFINITY;
  #isDrawn = false;

  constructor(stream: Output, now: () => number = () => performance.now()) {
    this.#stream = stream;
    this.#now = now;
    this.#startedAt = now();
  }

  /** `part`: from 0 to 1; `undefined` if unknown. `text`: what was found so far. */
  update(part: number | undefined, text: string): void {
    const now = this.#now();
    // A bar of a short command would only flicker.
    if (
      this.#stream.isTTY !== true ||
      now - this.#startedAt < 3 * REDRAWN_MS ||
      now - this.#drawnAt < REDRAWN_MS
    )
      return;
    this.#drawnAt = now;
    this.#isDrawn = true;
    const filled = Math.round((part ?? 0) * WIDTH);
    const bar =
      part === undefined
        ? ""
        : `[${"#".repeat(filled)}${"-".repeat(WIDTH - filled)}] ${Math.floor(part * 100)} % `;
    this.#stream.write(`\r\u{1b}[K${bar}${text}`);
  }

  /** Removes the bar. */
  end(): void {
    if (this.#isDrawn) this.#stream.write("\r\u{1b}[K");
    this.#isDrawn = false;
  }
}
