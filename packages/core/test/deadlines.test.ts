import * as fc from "fast-check";
import { afterEach, beforeEach, expect, onTestFinished, test, vi } from "vitest";
import { Deadlines } from "../src/base/deadlines.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test("any number of deadlines runs on one timer, each at its time and in order", () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ ms: fc.integer({ min: 0, max: 1_000 }), cancelled: fc.boolean() })),
      (planned) => {
        const deadlines = new Deadlines();
        const started = performance.now();
        const ran: { readonly ms: number; readonly at: number }[] = [];
        for (const { ms, cancelled } of planned) {
          const deadline = deadlines.after(ms, () => ran.push({ ms, at: performance.now() - started }));
          if (cancelled) deadline.cancel();
        }
        expect(vi.getTimerCount()).toBeLessThanOrEqual(1);
        vi.advanceTimersByTime(1_001);
        const due = planned.filter(({ cancelled }) => !cancelled).map(({ ms }) => ms);
        expect(ran.map(({ ms }) => ms)).toEqual(due.toSorted((a, b) => a - b));
        for (const { ms, at } of ran) expect(at).toBeGreaterThanOrEqual(ms);
        expect(vi.getTimerCount()).toBe(0);
      },
    ),
  );
});

test("the callback of a deadline may set other deadlines, also earlier ones", () => {
  const deadlines = new Deadlines();
  const ran: string[] = [];
  deadlines.after(100, () => ran.push("late"));
  deadlines.after(10, () => {
    ran.push("first");
    deadlines.after(5, () => ran.push("set meanwhile"));
    deadlines.after(0, () => ran.push("at once"));
  });
  vi.advanceTimersByTime(20);
  expect(ran).toEqual(["first", "at once", "set meanwhile"]);
  vi.advanceTimersByTime(80);
  expect(ran.at(-1)).toBe("late");
});

test("a deadline that is further away than setTimeout allows does not come early", () => {
  const deadlines = new Deadlines();
  let ran = false;
  deadlines.after(2 ** 31 + 1_000, () => {
    ran = true;
  });
  vi.advanceTimersByTime(2 ** 31);
  expect(ran).toBe(false);
  vi.advanceTimersByTime(1_001);
  expect(ran).toBe(true);
});

test("a deadline that is further away than setTimeout allows causes no earlier timer and no warning of Node", async () => {
  const timers = vi.spyOn(globalThis, "setTimeout");
  onTestFinished(() => timers.mockRestore());
  new Deadlines().after(2 ** 31 + 1_000, () => undefined);
  vi.advanceTimersByTime(3_600_000);
  expect(timers).toHaveBeenCalledTimes(1);

  vi.useRealTimers();
  const warnings: string[] = [];
  const onWarning = ({ name }: Error): void => void warnings.push(name);
  process.on("warning", onWarning);
  onTestFinished(() => void process.off("warning", onWarning));
  const deadlines = new Deadlines();
  deadlines.after(2 ** 31 + 1_000, () => undefined);
  // A warning is emitted in the turn after the call that causes it.
  await new Promise((resolve) => setImmediate(resolve));
  deadlines.clear();
  expect(warnings).toEqual([]);
});

test("cancel is idempotent, before and after the deadline; clear cancels all deadlines", () => {
  const deadlines = new Deadlines();
  const ran: number[] = [];
  const first = deadlines.after(1, () => ran.push(1));
  deadlines.after(2, () => ran.push(2));
  vi.advanceTimersByTime(1);
  first.cancel();
  first.cancel();
  deadlines.clear();
  expect(vi.getTimerCount()).toBe(0);
  vi.advanceTimersByTime(10);
  expect(ran).toEqual([1]);
  deadlines.after(1, () => ran.push(3));
  vi.advanceTimersByTime(1);
  expect(ran).toEqual([1, 3]);
});

test("cancelled deadlines do not accumulate behind a pending deadline", () => {
  const deadlines = new Deadlines();
  const ran: number[] = [];
  for (const ms of [300, 100, 200]) deadlines.after(ms, () => ran.push(ms));
  for (let count = 0; count < 10_000; count += 1) {
    const later = deadlines.after(100_000 + count, () => ran.push(-1));
    later.cancel();
    later.cancel();
  }
  expect(deadlines.size).toBeLessThan(100);
  vi.advanceTimersByTime(1_000_000);
  expect(ran).toEqual([100, 200, 300]);
  expect(deadlines.size).toBe(0);
});

test("cancelling a deadline that has run, any number of times, removes no other deadline", () => {
  const deadlines = new Deadlines();
  const ran: number[] = [];
  const first = deadlines.after(10, () => ran.push(10));
  for (const ms of [20, 30]) deadlines.after(ms, () => ran.push(ms));
  vi.advanceTimersByTime(15);
  for (let count = 0; count < 100; count += 1) first.cancel();
  expect(deadlines.size).toBe(2);
  vi.advanceTimersByTime(100);
  expect(ran).toEqual([10, 20, 30]);
});
