import { runStoreCase } from "@wsession/conformance";
import type { StoreCase } from "@wsession/conformance";
import { mapStore } from "@wsession/core";
import { expect, test, vi } from "vitest";
import { harnessOf } from "./failed-cases.ts";

/** A case with a deadline, on a clock that advances by some ticks too many in each of the first runs. */
function lateIn(runs: number, extraTicks: number) {
  const harness = harnessOf(mapStore, true);
  let opened = 0;
  return {
    opened: () => opened,
    harness: {
      ...harness,
      async open() {
        opened += 1;
        const backing = await harness.open();
        const extra = opened <= runs ? extraTicks * harness.tickMs : 0;
        return { ...backing, pass: (ms: number) => backing.pass(ms + extra) };
      },
    },
  };
}

const outlives: StoreCase = {
  name: "a session outlives half of its idle time",
  async run(trial) {
    const store = await trial.process();
    const { id } = await store.born({ idleMs: trial.ticks(4) });
    await trial.pass(2);
    expect(await store.load(id)).toMatchObject({ version: 1 });
  },
};

test("a case that fails while its steps were late by more than half a tick runs again", async () => {
  const { harness, opened } = lateIn(2, 3);
  await runStoreCase(outlives, harness);
  expect(opened()).toBe(3);
});

test("a case whose steps are late in each run fails", async () => {
  const { harness, opened } = lateIn(Infinity, 3);
  await expect(runStoreCase(outlives, harness)).rejects.toThrow("version");
  expect(opened()).toBe(3);
});

test("a case that fails in time does not run again, and neither does a late case without a deadline", async () => {
  const fails = (usesTime: boolean): StoreCase => ({
    name: "fails",
    async run(trial) {
      if (usesTime) await trial.pass(2);
      else vi.advanceTimersByTime(60_000);
      expect("this case").toBe("a failure");
    },
  });
  for (const usesTime of [true, false]) {
    const { harness, opened } = lateIn(0, 0);
    await expect(runStoreCase(fails(usesTime), harness)).rejects.toThrow("a failure");
    expect(opened()).toBe(1);
  }
});
