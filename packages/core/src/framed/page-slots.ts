/** The most pages of replays in memory at the same time. After a deploy thousands of clients reconnect together. */
const MAX_PAGES = 64;

/** A counting semaphore. Callers acquire a slot in the order of their calls. */
export class Slots {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(count: number) {
    this.#free = count;
  }

  /** Resolves with a function that releases the slot. A second call of that function has no effect. */
  async acquire(): Promise<() => void> {
    if (this.#free > 0) this.#free -= 1;
    else
      await new Promise<void>((resolve) => {
        this.#waiting.push(resolve);
      });
    let isTaken = true;
    return () => {
      if (!isTaken) return;
      isTaken = false;
      const next = this.#waiting.shift();
      if (next === undefined) this.#free += 1;
      else next();
    };
  }
}

export const pageSlots: Slots = new Slots(MAX_PAGES);
