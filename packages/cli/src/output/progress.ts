import type { Output } from "./output.ts";

/** The bar is drawn at most once in this many milliseconds. */
const REDRAW_MS = 100;
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

  /** `fraction`: from 0 to 1; `undefined` if unknown. `text`: what was found so far. */
  update(fraction: number | undefined, text: string): void {
    const now = this.#now();
    // A bar of a short command would only flicker.
    if (
      this.#stream.isTTY !== true ||
      now - this.#startedAt < 3 * REDRAW_MS ||
      now - this.#drawnAt < REDRAW_MS
    )
      return;
    this.#drawnAt = now;
    this.#isDrawn = true;
    const filled = Math.round((fraction ?? 0) * WIDTH);
    const bar =
      fraction === undefined
        ? ""
        : `[${"#".repeat(filled)}${"-".repeat(WIDTH - filled)}] ${Math.floor(fraction * 100)} % `;
    this.#stream.write(`\r\u{1b}[K${bar}${text}`);
  }

  /** Removes the bar. */
  end(): void {
    if (this.#isDrawn) this.#stream.write("\r\u{1b}[K");
    this.#isDrawn = false;
  }
}
