import type { Entry } from "./map-entry.ts";

/**
 * The sessions of a map in the order of their last touch, oldest first: a doubly linked list through the entries, so that a
 * touch does not change the order of the map. The links are ids, because the map's keys exist already. If the links were entries,
 * each entry would have to store its own id too.
 */
export class TouchOrder {
  readonly #entries: ReadonlyMap<string, Entry>;
  #oldest: string | undefined;
  #newest: string | undefined;

  constructor(entries: ReadonlyMap<string, Entry>) {
    this.#entries = entries;
  }

  oldest(): readonly [id: string, entry: Entry] | undefined {
    const entry = this.#find(this.#oldest);
    return this.#oldest === undefined || entry === undefined ? undefined : [this.#oldest, entry];
  }

  /** Adds an entry that is in the map already. */
  append(id: string, entry: Entry): void {
    entry.older = this.#newest;
    entry.newer = undefined;
    const newest = this.#find(this.#newest);
    if (newest === undefined) this.#oldest = id;
    else newest.newer = id;
    this.#newest = id;
  }

  /** MUST be called while the entry's neighbours are in the map. */
  remove(entry: Entry | undefined): void {
    if (entry === undefined) return;
    const { older, newer } = entry;
    const [before, after] = [this.#find(older), this.#find(newer)];
    if (before === undefined) this.#oldest = newer;
    else before.newer = newer;
    if (after === undefined) this.#newest = older;
    else after.older = older;
  }

  moveToEnd(id: string, entry: Entry): void {
    if (this.#newest === id) return;
    this.remove(entry);
    this.append(id, entry);
  }

  #find(id: string | undefined): Entry | undefined {
    return id === undefined ? undefined : this.#entries.get(id);
  }
}
