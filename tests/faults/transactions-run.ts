// The long run of transactions: `npm run test:faults -- --only transactions`. Repeats each fault while pages send messages that are
// handled in transactions, beside the load of the other long run. run.mjs runs this file; `npm test` does not.
import { afterAll, describe, expect, test } from "vitest";
import type { CampaignReport } from "./campaign.ts";
import type { FaultCase } from "./cases/case.ts";
import { clusterCases } from "./cases/cluster.ts";
import { EVICTION, losingCases } from "./cases/losing.ts";
import { networkCases } from "./cases/network.ts";
import { atOnceCases, plannedCases } from "./cases/roles.ts";
import { runTransactions } from "./cases/run.ts";
import { serverCases } from "./cases/server.ts";
import { OLDER_STATE, transactionCases } from "./cases/transactions.ts";

const SEED = Number(process.env["WSESSION_FAULTS_SEED"] ?? 1);
const TRANSACTIONS = Number(process.env["WSESSION_FAULTS_OPS"] ?? 100_000);

const strict = [...transactionCases, ...networkCases, ...serverCases, ...plannedCases, ...clusterCases];
// A page whose session was evicted starts with a new session, so there is nothing to compare.
const losing = [OLDER_STATE, ...losingCases.filter((fault) => fault !== EVICTION), ...atOnceCases];

const lines: string[] = [];
let total = 0;

afterAll(() => {
  if (lines.length === 0) return;
  console.log(
    [
      "",
      `seed ${SEED}, where nothing may be lost: ${total} transactions`,
      "fault | transactions | resolved | refused | unknown | pages | answers | conflicts | lost | other violations | slowest ms | seconds",
      ...lines,
    ].join("\n"),
  );
});

function note(name: string, { pages, conflicts, violations }: CampaignReport, startedAt: number): number {
  if (pages === undefined) throw new Error("a campaign of transactions has pages");
  const { transactions, resolved, refused, unknown, replies, lost, slowestMs } = pages;
  const others = violations.filter(({ rule }) => rule !== "lost").length;
  const seconds = Math.round((performance.now() - startedAt) / 1_000);
  const figures = [transactions, resolved, refused, unknown, pages.pages, replies, conflicts, lost, others];
  lines.push([name, ...figures, slowestMs, seconds].join(" | "));
  return transactions;
}

async function run(fault: FaultCase, seed: number, transactions: number) {
  const startedAt = performance.now();
  const { report, broken } = await runTransactions(fault, seed, Math.ceil(transactions));
  return { done: note(fault.name, report, startedAt), broken };
}

describe("transactions, each exactly once, and answered once (I21, I22, I23):", () => {
  for (const [index, fault] of strict.entries()) {
    test(fault.name, async () => {
      const { done, broken } = await run(fault, SEED * 100 + 1 + index, TRANSACTIONS / strict.length);
      total += done;
      expect(broken).toEqual([]);
    });
  }
});

describe("transactions that the store may lose, each reported to its page, none twice (I19, I21, I22):", () => {
  for (const [index, fault] of losing.entries()) {
    test(fault.name, async () => {
      const { broken } = await run(fault, SEED * 100 + 51 + index, TRANSACTIONS / strict.length / 4);
      expect(broken).toEqual([]);
    });
  }
});
