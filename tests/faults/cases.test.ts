// Short versions of those faults of the long run that no other file tests under load.
import { expect, test } from "vitest";
import { EVICTION } from "./cases/losing.ts";
import { plannedSwap } from "./cases/roles.ts";
import { runCase } from "./cases/run.ts";
import { STANDSTILL } from "./cases/server.ts";

test("fault B4: processes that are suspended past their lease, one after another: nothing is lost (I7 to I11)", async () => {
  const { report, broken } = await runCase(STANDSTILL, 61, 180);
  expect(broken).toEqual([]);
  expect(report.lost).toBe(0);
}, 60_000);

test("fault B2: a planned change of the primary: nothing is lost, nothing applied twice (I8 to I11)", async () => {
  const { report, broken } = await runCase(plannedSwap, 62, 180);
  expect(broken).toEqual([]);
  expect(report.lost).toBe(0);
}, 60_000);

test("fault A5: with eviction allowed, whole sessions are lost, the others are complete, and none comes back (I8 to I10)", async () => {
  const { report, broken } = await runCase(EVICTION, 63, 180);
  expect(broken).toEqual([]);
  expect(report.lost).toBeGreaterThan(0);
}, 60_000);
