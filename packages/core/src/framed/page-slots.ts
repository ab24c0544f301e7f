/** How many pages of replays this process holds in memory at once: after a deploy thousands of clients come back together. */
const MAX_PAGES = 64;

/** Places that are given out in order, to as many as there are. */
export class Slots {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(count: number) {
    this.#free = count;
  }

  /** Resolves with what gives the place back, which is idempotent. */
  async acquire(): Promise<() => void> {
    if (this.#free > 0) this.#free -= 1;
    else
      await new Promise<void>((resolve) => {
        this.#waiting.push(resolve);
      });
    let isHeld = true;
    return () => {
      if (!isHeld) return;
      isHeld = false;
      const next = this.#waiting.shift();
      if (next === undefined) this.#free += 1;
      else next();
    };
  }
}

export const pageSlots: Slots = new Slots(MAX_PAGES);
