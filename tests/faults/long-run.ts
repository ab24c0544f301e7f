// The long run: `npm run test:faults -- --seed 7 --ops 100000`. Repeats each fault under load until the end, and then
// counts the losses under faults that may lose changes. run.mjs runs this file; `npm test` does not.
import { afterAll, describe, expect, test } from "vitest";
import type { CampaignReport } from "./campaign.ts";
import { clusterCases } from "./cases/cluster.ts";
import { losingCases } from "./cases/losing.ts";
import { networkCases } from "./cases/network.ts";
import { atOnceCases, plannedCases } from "./cases/roles.ts";
import { runCase } from "./cases/run.ts";
import { serverCases } from "./cases/server.ts";

const SEED = Number(process.env["WSESSION_FAULTS_SEED"] ?? 1);
const OPERATIONS = Number(process.env["WSESSION_FAULTS_OPS"] ?? 100_000);

const strict = [...networkCases, ...serverCases, ...plannedCases, ...clusterCases];
const losing = [...losingCases, ...atOnceCases];

const lines: string[] = [];
const totals = { operations: 0, acknowledged: 0, unknown: 0, resolved: 0 };

afterAll(() => {
  const { operations, acknowledged, unknown, resolved } = totals;
  console.log(
    [
      "",
      `seed ${SEED}, where nothing may be lost: ${operations} operations, ${acknowledged} acknowledged, ${unknown} unknown, ${resolved} of them settled`,
      "fault | operations | acknowledged | not applied | unknown | settled | lost | other violations | tries",
      ...lines,
    ].join("\n"),
  );
});

function note(name: string, report: CampaignReport, isStrict: boolean): void {
  const { ok, fail, unknown, resolved, lost, violations, writeTriesMax } = report;
  if (isStrict) {
    totals.operations += report.operations;
    totals.acknowledged += ok;
    totals.unknown += unknown;
    totals.resolved += resolved;
  }
  const others = violations.filter(({ rule }) => rule !== "lost" && rule !== "evicted").length;
  lines.push(
    `${name} | ${report.operations} | ${ok} | ${fail} | ${unknown} | ${resolved} | ${lost} | ${others} | ${writeTriesMax}`,
  );
}

describe("nothing acknowledged is lost, nothing applied twice:", () => {
  for (const [index, fault] of strict.entries()) {
    test(fault.name, async () => {
      const { report, broken } = await runCase(fault, SEED * 100 + 1 + index, OPERATIONS / strict.length);
      note(fault.name, report, true);
      expect(broken).toEqual([]);
    });
  }
});

describe("what is lost where acknowledged changes may be; nothing is applied twice:", () => {
  for (const [index, fault] of losing.entries()) {
    test(fault.name, async () => {
      const { report, broken } = await runCase(
        fault,
        SEED * 100 + 51 + index,
        OPERATIONS / strict.length / 4,
      );
      note(fault.name, report, false);
      expect(broken).toEqual([]);
    });
  }
});
