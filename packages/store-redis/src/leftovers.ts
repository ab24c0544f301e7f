import type { Calls } from "./calls.ts";
import { type Keys, idOfEntry } from "./keys.ts";

/** Entries that wait to be looked at again, at most: enough for 700 logins a second. More are found another time. */
const MOST = 65_536;
/** How many entries a login looks at where some were left over. */
const MANY = 8;
/** A timer can't be longer; one that ends too early finds nothing due, and is set again. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

interface Suspects {
  readonly index: string;
  readonly entries: readonly string[];
  readonly dueAt: number;
}

/**
 * Takes entries out of the subjects' indexes whose sessions ended by a deadline, and so without a word. Each login looks at
 * a few entries of the index that it is in, at more where the last ones were left over: the left over are then a small
 * part of all, whoever they belong to. One whose session isn't there is left for a while, since it may be about to come
 * (index ⊇ live); what is missing then, too, can't come any more.
 */
export class Leftovers {
  readonly #calls: Pick<Calls, "command">;
  readonly #keys: Keys;
  readonly #waitMs: number;
  readonly #waiting = new Set<string>();
  /** In the order in which they are due. */
  readonly #queue = new Set<Suspects>();
  #timer: NodeJS.Timeout | undefined;
  #share = 1;
  #closed = false;

  /** `waitMs`: longer than any login may be under way. */
  constructor(calls: Pick<Calls, "command">, keys: Keys, waitMs: number) {
    this.#calls = calls;
    this.#keys = keys;
    this.#waitMs = waitMs;
  }

  /** How many entries the next login looks at. */
  get share(): number {
    return this.#share;
  }

  /** Never rejects, and nobody waits for it: what fails is found another time. */
  look(index: string, entries: readonly string[]): void {
    const known = entries.filter((entry) => this.#waiting.has(entry));
    const fresh = entries.filter((entry) => !this.#waiting.has(entry));
    this.#missing(fresh).then(
      (missing) => {
        if (missing.length + known.length === 0) this.#share = Math.max(1, this.#share >> 1);
        this.suspect(index, missing);
      },
      () => undefined,
    );
  }

  suspect(index: string, entries: readonly string[]): void {
    if (this.#closed) return;
    const fresh = [...new Set(entries)]
      .filter((entry) => !this.#waiting.has(entry))
      .slice(0, MOST - this.#waiting.size);
    if (fresh.length === 0) return;
    for (const entry of fresh) this.#waiting.add(entry);
    this.#queue.add({ index, entries: fresh, dueAt: performance.now() + this.#waitMs });
    this.#schedule();
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#queue.clear();
    this.#waiting.clear();
  }

  #schedule(): void {
    const [first] = this.#queue;
    if (this.#timer !== undefined || first === undefined) return;
    this.#timer = setTimeout(
      () => {
        this.#timer = undefined;
        this.#takeOutDue();
        this.#schedule();
      },
      Math.min(Math.max(0, first.dueAt - performance.now()) + 1, LONGEST_TIMER_MS),
    );
    this.#timer.unref();
  }

  #takeOutDue(): void {
    const now = performance.now();
    for (const suspects of this.#queue) {
      if (suspects.dueAt > now) break;
      this.#queue.delete(suspects);
      const { index, entries } = suspects;
      for (const entry of entries) this.#waiting.delete(entry);
      this.#takeOut(index, entries).catch(() => undefined);
    }
  }

  async #takeOut(index: string, entries: readonly string[]): Promise<void> {
    const missing = await this.#missing(entries);
    if (missing.length === 0) return;
    this.#share = MANY;
    await this.#calls.command("zrem", [index, ...missing]);
  }

  async #missing(entries: readonly string[]): Promise<string[]> {
    const found = await Promise.all(
      entries.map((entry) => this.#calls.command("exists", [this.#keys.session(idOfEntry(entry))])),
    );
    return entries.filter((_, index) => Number(found[index]) === 0);
  }
}
