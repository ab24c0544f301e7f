// Short runs of the faults of `npm run test:faults -- --only transactions`: real clients, servers as processes, one Redis.
import { expect, test } from "vitest";
import type { FaultCase } from "./cases/case.ts";
import { clusterCases } from "./cases/cluster.ts";
import { losingCases } from "./cases/losing.ts";
import { networkCases } from "./cases/network.ts";
import { plannedSwap } from "./cases/roles.ts";
import { runTransactions } from "./cases/run.ts";
import { serverCases } from "./cases/server.ts";
import { OLDER_STATE, transactionCases } from "./cases/transactions.ts";

/** The fewest messages of pages in each run. The pages continue until the fault is over. */
const FEW = 100;

const named = (cases: readonly FaultCase[], part: string): FaultCase[] =>
  cases.filter(({ name }) => name.includes(part));

const strict = [
  ...transactionCases,
  ...named(networkCases, "connections cut"),
  ...named(serverCases, "stopped and continued"),
  ...named(serverCases, "killed"),
  ...named(serverCases, "stands still"),
  ...named(clusterCases, "slots that move"),
  plannedSwap,
];

test.each(strict.map((fault, at) => ({ fault, at, name: fault.name })))(
  "I21 I22 I23 each message counts once and gets one answer: $name",
  async ({ fault, at }) => {
    const { report, broken } = await runTransactions(fault, 71 + at, FEW);
    expect(broken).toEqual([]);
    expect(report.pages?.lost).toBe(0);
    expect(report.pages?.resolved).toBeGreaterThan(FEW / 2);
  },
  120_000,
);

const losing = [
  OLDER_STATE,
  ...named(losingCases, "Sentinel failover, primary killed"),
  ...named(losingCases, "Cluster failover, primary killed"),
];

test.each(losing.map((fault, at) => ({ fault, at, name: fault.name })))(
  "I19 I21 I22 the client gets a report of what the store lost, and no message counts twice: $name",
  async ({ fault, at }) => {
    const { report, broken } = await runTransactions(fault, 91 + at, FEW);
    expect(broken).toEqual([]);
    if (fault === OLDER_STATE) expect(report.pages?.lost).toBeGreaterThan(0);
  },
  120_000,
);
