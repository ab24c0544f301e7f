/**
 * Collects what one turn of the event loop adds, so that it shares one call. A command costs a process and Redis more than an entry
 * of a command does.
 */
export class TurnBatch<Entry> {
  readonly #most: number;
  readonly #run: (entries: readonly Entry[]) => Promise<unknown>;
  #entries: Entry[] = [];
  #outcome: Promise<void> | undefined;

  /** `run` is called with at most `most` entries, in the order in which they were added. */
  constructor(most: number, run: (entries: readonly Entry[]) => Promise<unknown>) {
    this.#most = most;
    this.#run = run;
  }

  /** Settles as the call that carries the entry. The entries of one call share one promise. */
  add(entry: Entry): Promise<void> {
    this.#entries.push(entry);
    this.#outcome ??= new Promise((resolve, reject) => {
      const entries = this.#entries;
      // Node runs this after the promises that have settled in this turn.
      process.nextTick(() => {
        if (this.#entries === entries) this.#begin();
        this.#run(entries).then(() => resolve(), reject);
      });
    });
    const outcome = this.#outcome;
    if (this.#entries.length >= this.#most) this.#begin();
    return outcome;
  }

  /** Further entries belong to another call. */
  #begin(): void {
    this.#entries = [];
    this.#outcome = undefined;
  }
}
