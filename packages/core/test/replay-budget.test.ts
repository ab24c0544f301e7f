import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { replayDelay, spendReplay } from "../src/framed/replay-budget.ts";
import { Slots } from "../src/framed/page-slots.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test("I20 a session may replay the bytes of four outboxes a minute; the next page waits until the minute is over", () => {
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

test("I20 at most as many pages are in memory as there are slots; the others wait in order, and a slot released twice is free once", async () => {
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
