import { campaign, type CampaignReport, type PagesPlan } from "../campaign.ts";
import type { Violation } from "../violations.ts";
import type { FaultCase } from "./case.ts";

interface Judged {
  readonly report: CampaignReport;
  /** What this fault may not break, and did. */
  readonly broken: readonly Violation[];
}

/** Runs a fault under load, with so many operations at least, and says which rules were broken that this fault may not break. */
export async function runCase(fault: FaultCase, seed: number, operations: number): Promise<Judged> {
  const { workers, ...stage } = await fault.start();
  const { rules } = fault;
  const each = Math.ceil(operations / workers.length);
  return judged(fault, await campaign({ ...stage, workers, seed, operations: each, rules }));
}

/** The same with pages, whose messages are handled in so many transactions at least. The load is another writer beside them. */
export async function runTransactions(fault: FaultCase, seed: number, transactions: number): Promise<Judged> {
  const { workers, application, ...stage } = await fault.start();
  const { rules, pages } = fault;
  const plan: PagesPlan =
    rules?.mayLose === true
      ? // They stay to the end, so that they can be told what was lost, each with one connection: where two of a client settle numbers,
        // a loss can stay hidden (docs/guarantees.md).
        { count: transactions, sessions: 4, perPage: Infinity, pauseMs: 3, reconnects: 0, ...pages }
      : { count: transactions, sessions: Math.max(4, Math.ceil(transactions / 50)), ...pages };
  // A few changes beside them conflict with them; many would be another test.
  const load = { operations: 60, inFlight: 2, pauseMs: 4 };
  const settings = { heartbeatMs: 1_000, ...application };
  return judged(
    fault,
    await campaign({ ...load, ...stage, workers, application: settings, seed, rules, pages: plan }),
  );
}

function judged({ rules = {} }: FaultCase, report: CampaignReport): Judged {
  const allowed = new Set<Violation["rule"]>(rules.mayEvict === true ? ["evicted"] : []);
  // A destroy that a failover lost has to be asked for again.
  if (rules.mayLose === true) allowed.add("lost").add("resurrected");
  return { report, broken: report.violations.filter(({ rule }) => !allowed.has(rule)) };
}
