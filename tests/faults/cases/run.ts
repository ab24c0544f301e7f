import { campaign, type CampaignReport, type PagesPlan } from "../campaign.ts";
import type { Violation } from "../violations.ts";
import type { FaultCase } from "./case.ts";

interface Judged {
  readonly report: CampaignReport;
  /** The broken rules that this fault may not break. */
  readonly broken: readonly Violation[];
}

/** Runs a fault under load, with at least this many operations. Returns the broken rules that this fault may not break. */
export async function runCase(fault: FaultCase, seed: number, operations: number): Promise<Judged> {
  const { workers, ...stage } = await fault.start();
  const { rules } = fault;
  const each = Math.ceil(operations / workers.length);
  return judged(fault, await campaign({ ...stage, workers, seed, operations: each, rules }));
}

/** The same with pages, whose messages are handled in at least this many transactions. The load is another writer. */
export async function runTransactions(fault: FaultCase, seed: number, transactions: number): Promise<Judged> {
  const { workers, application, ...stage } = await fault.start();
  const { rules, pages } = fault;
  const plan: PagesPlan =
    rules?.mayLose === true
      ? // The pages stay to the end, so that they get a report of each loss. Each has one connection: if two of a client settle numbers,
        // a loss can stay hidden (docs/guarantees.md).
        { count: transactions, sessions: 4, perPage: Infinity, pauseMs: 3, reconnects: 0, ...pages }
      : { count: transactions, sessions: Math.max(4, Math.ceil(transactions / 50)), ...pages };
  // A few changes of other writers conflict with the transactions. Many would be another test.
  const load = { operations: 60, inFlight: 2, pauseMs: 4 };
  const settings = { heartbeatMs: 1_000, ...application };
  return judged(
    fault,
    await campaign({ ...load, ...stage, workers, application: settings, seed, rules, pages: plan }),
  );
}

function judged({ rules = {} }: FaultCase, report: CampaignReport): Judged {
  const allowed = new Set<Violation["rule"]>(rules.mayEvict === true ? ["evicted"] : []);
  // A destroy that a failover lost has to be repeated.
  if (rules.mayLose === true) allowed.add("lost").add("resurrected");
  return { report, broken: report.violations.filter(({ rule }) => !allowed.has(rule)) };
}
