interface Numbered {
  readonly number: number;
}

/** After this many removals at least, the list is copied without the removed items. */
const MIN_REMOVED = 16;

/**
 * Items with rising numbers, in the order of their numbers. An item takes 8 to 24 bytes of the list. The entry of a Map takes 28 to
 * 56 bytes, and each connection has an entry. `add` takes constant time, `find` and `remove` take logarithmic time.
 */
export class NumberedList<Item extends Numbered> implements Iterable<Item> {
  /** In the place of a removed item its number stands, because the binary search needs the number. */
  #slots: (Item | number)[] = [];
  #removed = 0;

  /** The item's number must be higher than the numbers of all items that were added before. */
  add(item: Item): void {
    this.#slots.push(item);
  }

  find(number: number): Item | undefined {
    const slot = this.#slots[this.indexFrom(number)];
    return typeof slot === "object" && slot.number === number ? slot : undefined;
  }

  /** Returns false for an item that is not in the list. */
  remove(item: Item): boolean {
    const index = this.indexFrom(item.number);
    if (this.#slots[index] !== item) return false;
    this.#slots[index] = item.number;
    this.#removed += 1;
    if (this.#removed >= MIN_REMOVED && this.#removed * 2 >= this.#slots.length) {
      this.#slots = this.#slots.filter((slot) => typeof slot === "object");
      this.#removed = 0;
    }
    return true;
  }

  /** As with a Map, an iteration includes the items that are added during the iteration, and omits those that are removed. */
  *[Symbol.iterator](): Iterator<Item> {
    let slots = this.#slots;
    for (let index = 0; index < slots.length; index += 1) {
      const slot = slots[index];
      if (typeof slot !== "object") continue;
      yield slot;
      if (slots === this.#slots) continue;
      // The list was copied meanwhile, so the items have moved.
      slots = this.#slots;
      index = this.indexFrom(slot.number + 1) - 1;
    }
  }

  /** The index of the first slot with this number or a higher one. */
  private indexFrom(number: number): number {
    const slots = this.#slots;
    let low = 0;
    let high = slots.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const slot = slots[middle];
      if ((typeof slot === "object" ? slot.number : (slot ?? number)) < number) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
