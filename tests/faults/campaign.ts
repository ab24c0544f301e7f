import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { until } from "../../packages/store-redis/test/redis-server.ts";
import { type ApplicationOptions, openApplication, type Where } from "./application.mjs";
import { check } from "./checker.ts";
import { operationsOf } from "./history.ts";
import { answered, expectCaughtUp, lastReads, SETTLED_IN_MS } from "./judge.ts";
import type { Target } from "./load.mjs";
import type { ApplicationProcess, LoadReport } from "./processes.ts";
import { createPageTargets, createTargets } from "./targets.ts";
import { checkTransactions } from "./transactions/checker.ts";
import { Network } from "./transactions/network.ts";
import { Pages, type PagesOptions, type PagesReport, storedOf } from "./transactions/pages.ts";
import type { Rules, Violation } from "./violations.ts";
import { Workers } from "./workers.ts";

export interface CampaignOptions {
  /** The address of Redis for each worker. There is one worker process for each entry. */
  readonly workers: readonly Where[];
  /** The address of Redis for the judge, without any faults. */
  readonly direct: Where;
  readonly seed: number;
  /** The fewest operations of each worker. The load continues until the faults are over. */
  readonly operations: number;
  readonly inFlight?: number | undefined;
  /** Milliseconds after each operation. */
  readonly pauseMs?: number | undefined;
  /** Pages that send messages to be handled in transactions, beside the load. `sessions`: how many sessions they have. */
  readonly pages?: PagesPlan | undefined;
  readonly destroys?: boolean | undefined;
  readonly application?: Partial<ApplicationOptions> | undefined;
  readonly rules?: Rules | undefined;
  /** Called once every worker is running. The server must work again when the promise resolves. */
  faults(campaign: RunningCampaign): Promise<void>;
}

export type PagesPlan = Omit<PagesOptions, "port" | "seed" | "sessions"> & { readonly sessions: number };

export interface RunningCampaign {
  readonly workers: readonly ApplicationProcess[];
  /** Ids of the sessions that the workers change. */
  readonly sessions: readonly string[];
  /** Resolves once each worker (default: all) had this many more acknowledged operations, as proof that the load continues. */
  progress(operations: number, of?: readonly ApplicationProcess[]): Promise<void>;
  /** Whether each worker has finished its operations. Faults that last until the end call it. */
  finished(): Promise<boolean>;
  /**
   * Starts a fault, and resolves once each of `of` had a change rejected with `outcome: "unknown"`, as proof that the fault has
   * an effect.
   */
  doubts(of: readonly ApplicationProcess[], fault: () => unknown): Promise<void>;
  /** Starts a fault, and resolves once each of `of` had a failed call of any kind. */
  failures(of: readonly ApplicationProcess[], fault: () => unknown): Promise<void>;
  /** Resolves once each of `of` had a change rejected with `outcome: "not-applied"`. */
  refusals(of: readonly ApplicationProcess[]): Promise<void>;
  /** Between the pages and the workers; `undefined` without pages. */
  readonly network: Network | undefined;
  /** Kills a worker (SIGKILL), and starts another one in its place. */
  restart(worker: ApplicationProcess): Promise<void>;
}

export interface CampaignReport extends LoadReport {
  readonly operations: number;
  readonly violations: readonly Violation[];
  /** Acknowledged changes that are missing, including those of evicted sessions. */
  readonly lost: number;
  /** What the pages did. `lost`: messages that were resolved, and are missing. */
  readonly pages: (PagesReport & { readonly lost: number }) | undefined;
}

const TIMING: Partial<ApplicationOptions> = {
  timeoutMs: 700,
  leaseMs: 3_000,
  sweepMs: 1_000,
  confirmMs: 200,
};
/** With pages the load is slow. One operation of it counts as this many, as proof that the load continues. */
const PAGES_SHARE = 10;

/** Worker processes change shared sessions during the faults. After that their histories are checked. */
export async function campaign(options: CampaignOptions): Promise<CampaignReport> {
  const { rules, destroys = true, seed, operations } = options;
  const folder = await mkdtemp(join(tmpdir(), "wsession-history-"));
  const application = { ...TIMING, ...options.application, transactions: options.pages !== undefined };
  // A long timeout for the judge, because the speed of the machine is not under test.
  const control = await openApplication({ ...application, timeoutMs: 10_000, redis: options.direct });
  const sessions = await createTargets(control, options.workers.length * operations);
  const pageSessions =
    options.pages === undefined ? [] : await createPageTargets(control, options.pages.sessions);
  const targets = interleave(sessions, pageSessions);
  const { inFlight = 4, pauseMs = 0 } = options;
  const load = { seed, operations, inFlight, pauseMs, targets, destroys };
  const workers = new Workers({ where: options.workers, folder, application, load });
  const { processes } = workers;
  let network: Network | undefined;
  let pages: Pages | undefined;
  try {
    await workers.start();
    if (options.pages !== undefined) {
      const ports = () => processes.map(({ port }) => port);
      network = await Network.to(ports(), seed);
      pages = new Pages({ ...options.pages, seed, port: network.port, sessions: pageSessions });
    }
    const progress = (count: number, of: readonly ApplicationProcess[] = processes): Promise<void> =>
      waitFor(["ok"], pages === undefined ? count : Math.ceil(count / PAGES_SHARE), of);
    await progress(5);
    await options.faults({
      workers: processes,
      sessions: targets.map(({ id }) => id),
      network,
      progress,
      finished: async () => {
        if (pages !== undefined) return pages.isDone;
        const counts = await Promise.all(processes.map((worker) => worker.call("counts")));
        return counts.every(({ ok, fail, unknown }) => ok + fail + unknown >= operations);
      },
      doubts: (of, fault) => waitFor(["unknown"], 1, of, fault),
      failures: (of, fault) => waitFor(["unknown", "fail"], 1, of, fault),
      refusals: (of) => waitFor(["fail"], 1, of),
      async restart(worker) {
        await workers.restart(worker);
        network?.leadTo(processes.map(({ port }) => port));
      },
    });
    await pages?.finish();
    const reports = await Promise.all(processes.map((worker) => worker.call("finishLoad")));
    const events = workers.history();
    if (rules?.mayLose !== true) await expectCaughtUp(processes, control, targets);
    events.push(...(await lastReads(control, targets)));
    const judged = operationsOf(events);
    const violations = check(judged, rules);
    const report = { ...addUp(reports), operations: judged.length, violations, lost: lostOf(violations) };
    if (pages === undefined) return { ...report, pages: undefined };
    const stored = await storedOf(control.store, pageSessions, answered);
    const torn = checkTransactions(await pages.histories(stored), stored, rules);
    violations.push(...torn);
    return { ...report, pages: { ...pages.counts, lost: lostOf(torn) } };
  } finally {
    await pages?.close();
    await network?.stop();
    await workers.kill();
    await control.close();
    await rm(folder, { recursive: true, force: true });
  }
}

/** Sessions with pages lie among the others, because the load works on a few neighbours at a time. */
function interleave(sessions: readonly Target[], others: readonly Target[]): Target[] {
  const placed = [sessions, others].flatMap((list) =>
    list.map((target, at) => ({ target, at: (at + 0.5) / list.length })),
  );
  return placed.toSorted((one, other) => one.at - other.at).map(({ target }) => target);
}

const lostOf = (violations: readonly Violation[]): number =>
  sum(violations.filter(({ rule }) => rule === "lost" || rule === "evicted").map(({ count }) => count));

/** Counts from before the call of `fault`, because the fault may be over when its promise resolves. */
async function waitFor(
  outcomes: readonly ("ok" | "fail" | "unknown")[],
  operations: number,
  workers: readonly ApplicationProcess[],
  fault?: () => unknown,
): Promise<void> {
  const countOf = async (worker: ApplicationProcess): Promise<number> => {
    const counts = await worker.call("counts");
    return sum(outcomes.map((outcome) => counts[outcome]));
  };
  const before = await Promise.all(workers.map(countOf));
  await fault?.();
  const each = workers.map(async (worker, index) => {
    const goal = (before[index] ?? 0) + operations;
    await until(async () => (await countOf(worker)) >= goal, SETTLED_IN_MS);
  });
  await Promise.all(each);
}

function addUp(reports: readonly LoadReport[]): LoadReport {
  const of = (pick: (report: LoadReport) => number): number => sum(reports.map(pick));
  return {
    ok: of(({ ok }) => ok),
    fail: of(({ fail }) => fail),
    unknown: of(({ unknown }) => unknown),
    resolved: of(({ resolved }) => resolved),
    conflicts: of(({ conflicts }) => conflicts),
    writeTriesMax: Math.max(...reports.map(({ writeTriesMax }) => writeTriesMax)),
    rereads: of(({ rereads }) => rereads),
  };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
