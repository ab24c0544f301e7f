import { quantile } from "../kit/stats.ts";

/** Counts the numbers that one receiver gets. The receiver expects each number once, and in order. */
export class Sequence {
  next = 0;
  lost = 0;
  doubled = 0;

  arrived(number: number): void {
    if (number < this.next) this.doubled += 1;
    else {
      this.lost += number - this.next;
      this.next = number + 1;
    }
  }
}

/** The moves of all clients: when each was, and how long its client had no live connection. */
export class Moves {
  readonly gaps: number[] = [];
  readonly #times: number[] = [];
  #restartedAt = 0;
  readonly #shares: number[] = [];

  moved(gapMs: number): void {
    this.gaps.push(gapMs);
    this.#times.push(performance.now());
  }

  beginRestart(): void {
    this.#times.length = 0;
    this.#restartedAt = performance.now();
  }

  /** Notes which part of the moves of this restart were in the busiest window of this length. */
  endRestart(windowMs: number): void {
    const counts = new Map<number, number>();
    for (const at of this.#times) {
      const window = Math.floor((at - this.#restartedAt) / windowMs);
      counts.set(window, (counts.get(window) ?? 0) + 1);
    }
    if (this.#times.length > 0) this.#shares.push(Math.max(...counts.values()) / this.#times.length);
  }

  get gapP99Ms(): number {
    return this.gaps.length === 0 ? 0 : quantile(this.gaps, 0.99);
  }

  get busiest(): number {
    return Math.max(0, ...this.#shares);
  }
}
