import { campaign, type CampaignReport } from "../campaign.ts";
import type { Violation } from "../violations.ts";
import type { FaultCase } from "./case.ts";

/** Runs a fault under load, with so many operations at least, and says which rules were broken that this fault may not break. */
export async function runCase(
  { start, rules = {} }: FaultCase,
  seed: number,
  operations: number,
): Promise<{ readonly report: CampaignReport; readonly broken: readonly Violation[] }> {
  const { workers, ...stage } = await start();
  const each = Math.ceil(operations / workers.length);
  const report = await campaign({ ...stage, workers, seed, operations: each, rules });
  const allowed = new Set<Violation["rule"]>(rules.mayEvict === true ? ["evicted"] : []);
  // A destroy that a failover lost has to be asked for again.
  if (rules.mayLose === true) allowed.add("lost").add("resurrected");
  return { report, broken: report.violations.filter(({ rule }) => !allowed.has(rule)) };
}
