import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { plan } from "../src/scale/capacity-model.ts";

const page = readFileSync(new URL("../../docs/deploying.md", import.meta.url), "utf8");
/** The run of the table. */
const run = { sweepMs: 5_000, foreignChanges: 1, drainMs: 60_000 };

interface Row {
  readonly sessions: number;
  readonly processes: number;
  /** Pairs of the measured value and the value of the model, in the order of the columns. */
  readonly cells: readonly (readonly [measured: number, computed: number])[];
}

function numberOf(text: string | undefined): number {
  return Number(text?.replaceAll(",", ""));
}

function rows(markdown: string): Row[] {
  const found: Row[] = [];
  for (const line of markdown.split("\n")) {
    const [sessions, processes, ...cells] = line.split("|").slice(1, -1);
    const pairs = cells.map((cell) => /^ ([0-9.,]+), model ([0-9.,]+) $/.exec(cell));
    if (pairs.length === 4 && pairs.every((pair) => pair !== null))
      found.push({
        sessions: numberOf(sessions),
        processes: numberOf(processes),
        cells: pairs.map((pair) => [numberOf(pair?.[1]), numberOf(pair?.[2])]),
      });
  }
  return found;
}

function computed(sessions: number): readonly string[] {
  const { redisBytes, processBytes, sweepReads, announcements } = plan({ sessions, ...run });
  const [redis, processes] = [redisBytes / 1e6, processBytes / 1e6];
  return [redis.toFixed(1), processes.toFixed(0), sweepReads.toFixed(0), announcements.toFixed(2)];
}

function faultsOf(markdown: string): string[] {
  return rows(markdown).flatMap(({ sessions, processes, cells }) => {
    const model = computed(sessions).map(Number);
    const faults = cells.flatMap(([measured, stated], column) => {
      const value = model[column] ?? Number.NaN;
      if (value !== stated) return [`${sessions}: the model computes ${value}, the page has ${stated}`];
      return Math.abs(measured / value - 1) <= 0.05
        ? []
        : [`${sessions}: measured ${measured}, model ${value}`];
    });
    const expected = plan({ sessions, ...run }).processes;
    return expected === processes ? faults : [...faults, `${sessions}: ${expected} processes`];
  });
}

test("the table of measured points has three sizes, and the model agrees with each of them within 5 %", () => {
  expect(rows(page).map(({ sessions }) => sessions)).toEqual([5_000, 20_000, 60_000]);
  expect(faultsOf(page)).toEqual([]);
});

test("a value of the model that the page does not have, and a measured value that is off, are reported", () => {
  expect(faultsOf(page.replace("model 343", "model 344"))).toHaveLength(1);
  expect(faultsOf(page.replace("| 505,", "| 625,"))).toHaveLength(1);
});

test("the plan for a million sessions equals the model's result", () => {
  const million = plan({ sessions: 1_000_000, sweepMs: 30_000, foreignChanges: 0, drainMs: 60_000 });
  const text = page.replaceAll(/\s+/g, " ");
  expect(text).toContain(`${million.processes} processes with ${(million.processBytes / 1e9).toFixed(1)} GB`);
  expect(text).toContain(`${(million.redisBytes / 1e9).toFixed(2)} GB of Redis`);
  expect(text).toContain(`${(Math.round(million.sweepReads / 10) * 10).toLocaleString("en")} HMGET a second`);
  expect(text).toContain(`${million.resumes.toFixed(0)} resumes a second`);
});
