import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { replayDelay, spendReplay } from "../src/framed/replay-budget.ts";
import { Slots } from "../src/framed/page-slots.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test("I20 one session has four outboxes replayed within a minute; then the next page waits until the minute is over", () => {
  // The part of a session's state that the budget reads.
  const state = { context: { settings: { outbox: { maxBytes: 1_000 } } } } as never;
  expect(replayDelay(state)).toBe(0);
  spendReplay(state, 4_000);
  expect(replayDelay(state)).toBe(0);
  spendReplay(state, 1);
  expect(replayDelay(state)).toBe(60_000);
  vi.advanceTimersByTime(20_000);
  expect(replayDelay(state)).toBe(40_000);
  vi.advanceTimersByTime(40_000);
  expect(replayDelay(state)).toBe(0);
  spendReplay(state, 4_000);
  expect(replayDelay(state)).toBe(0);
});

test("I20 so many pages are in memory at once as there are places; the others wait in order, and giving one back twice gives one", async () => {
  const slots = new Slots(2);
  const [first, second] = [await slots.acquire(), await slots.acquire()];
  const order: string[] = [];
  const third = slots.acquire().then((release) => (order.push("third"), release));
  const fourth = slots.acquire().then((release) => (order.push("fourth"), release));
  await Promise.resolve();
  expect(order).toEqual([]);
  first();
  first();
  await third;
  expect(order).toEqual(["third"]);
  second();
  (await third)();
  (await fourth)();
  expect(order).toEqual(["third", "fourth"]);
});
