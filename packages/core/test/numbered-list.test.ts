import { expect, test } from "vitest";
import { NumberedList } from "../src/connection/numbered-list.ts";

interface Item {
  readonly number: number;
}

/** The same numbers in each run (Park and Miller's generator). */
function randomOf(seed: number): (below: number) => number {
  let state = seed;
  return (below) => (state = (state * 48_271) % 2_147_483_647) % below;
}

test.each([1, 2, 3, 4])(
  "the list has the items and the order of a Map after 4,000 random steps (seed %i)",
  (seed) => {
    const random = randomOf(seed);
    const list = new NumberedList<Item>();
    const model = new Map<number, Item>();
    let last = 0;
    for (let step = 0; step < 4_000; step += 1) {
      const [isGrowing, number] = [Math.floor(step / 500) % 2 === 0, random(last + 2)];
      if (random(10) < (isGrowing ? 7 : 3)) {
        // Some numbers are left out.
        const item = { number: (last += 1 + random(2)) };
        list.add(item);
        model.set(item.number, item);
      } else {
        const chosen = model.get(number) ?? [...model.values()][random(model.size + 1)] ?? { number };
        expect(list.remove(chosen)).toBe(model.delete(chosen.number));
        expect(list.remove(chosen)).toBe(false);
      }
      expect(list.find(number)).toBe(model.get(number));
      if (step % 50 === 0) expect([...list]).toEqual([...model.values()]);
    }
  },
);

test("an item with the number of another item is not removed", () => {
  const list = new NumberedList<Item>();
  list.add({ number: 1 });
  expect(list.remove({ number: 1 })).toBe(false);
  expect([...list]).toEqual([{ number: 1 }]);
});

test("an iteration gives each item once, also if most items are removed and others are added meanwhile", () => {
  const list = new NumberedList<Item>();
  const items = Array.from({ length: 100 }, (_, number) => ({ number }));
  for (const item of items) list.add(item);
  const given: number[] = [];
  for (const { number } of list) {
    given.push(number);
    // At the 61st item the items before it and every second item after it go, so the list is copied.
    if (number !== 60) continue;
    for (const item of items) if (item.number <= 60 || item.number % 2 === 1) list.remove(item);
    list.add({ number: 100 });
  }
  const [before, after] = [items.slice(0, 61), items.slice(61).filter(({ number }) => number % 2 === 0)];
  expect(given).toEqual([...before, ...after, { number: 100 }].map(({ number }) => number));
});
