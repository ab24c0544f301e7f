import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import { isSessionError } from "@wsession/core";
import { until } from "../../packages/store-redis/test/redis-server.ts";
import { SLOTS, slotOf } from "../../packages/store-redis/src/base/slots.ts";
import {
  type Application,
  type ApplicationOptions,
  type Created,
  openApplication,
  type Where,
} from "./application.mjs";
import { check } from "./checker.ts";
import { type HistoryEvent, operationsOf, readHistory } from "./history.ts";
import type { Target } from "./load.mjs";
import { ApplicationProcess, type LoadReport } from "./processes.ts";
import { groupBy, type Rules, type Violation } from "./violations.ts";

export interface CampaignOptions {
  /** The address of Redis for each worker. There is one worker process for each entry. */
  readonly workers: readonly Where[];
  /** The address of Redis for the judge, without any faults. */
  readonly direct: Where;
  readonly seed: number;
  /** The fewest operations of each worker. The load continues until the faults are over. */
  readonly operations: number;
  readonly inFlight?: number | undefined;
  readonly destroys?: boolean | undefined;
  readonly application?: Partial<ApplicationOptions> | undefined;
  readonly rules?: Rules | undefined;
  /** Called once every worker is running. The server must work again when the promise resolves. */
  faults(campaign: RunningCampaign): Promise<void>;
}

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
}

export interface CampaignReport extends LoadReport {
  readonly operations: number;
  readonly violations: readonly Violation[];
  /** Acknowledged changes that are missing, including those of evicted sessions. */
  readonly lost: number;
}

const TIMING: Partial<ApplicationOptions> = {
  timeoutMs: 700,
  leaseMs: 3_000,
  sweepMs: 1_000,
  confirmMs: 200,
};
/** The time limit of the last steps. They take no longer than the limits of the faults. */
const SETTLED_IN_MS = 20_000;

/** Worker processes change shared sessions during the faults. After that their histories are checked. */
export async function campaign(options: CampaignOptions): Promise<CampaignReport> {
  const folder = await mkdtemp(join(tmpdir(), "wsession-history-"));
  const workers: ApplicationProcess[] = [];
  // A long timeout for the judge, because the speed of the machine is not under test.
  const control = await openApplication({
    ...TIMING,
    ...options.application,
    timeoutMs: 10_000,
    redis: options.direct,
  });
  try {
    const sessions = await createTargets(control, options);
    for (const redis of options.workers) {
      workers.push(await ApplicationProcess.start({ ...TIMING, ...options.application, redis }));
    }
    const paths = workers.map((_, index) => join(folder, `w${index}.jsonl`));
    await Promise.all(
      workers.map((worker, index) => startLoad(worker, index, paths[index] ?? "", sessions, options)),
    );
    const progress = (operations: number, of: readonly ApplicationProcess[] = workers): Promise<void> =>
      waitFor(["ok"], operations, of);
    await progress(5);
    await options.faults({
      workers,
      sessions: sessions.map(({ id }) => id),
      progress,
      finished: async () => {
        const counts = await Promise.all(workers.map((worker) => worker.call("counts")));
        return counts.every(({ ok, fail, unknown }) => ok + fail + unknown >= options.operations);
      },
      doubts: (of, fault) => waitFor(["unknown"], 1, of, fault),
      failures: (of, fault) => waitFor(["unknown", "fail"], 1, of, fault),
      refusals: (of) => waitFor(["fail"], 1, of),
    });
    const reports = await Promise.all(workers.map((worker) => worker.call("finishLoad")));
    const events = paths.flatMap((path) => readHistory(path));
    if (options.rules?.mayLose !== true) await expectCaughtUp(workers, control, sessions);
    events.push(...(await lastReads(control, sessions)));
    const operations = operationsOf(events);
    const violations = check(operations, options.rules);
    const lost = sum(
      violations.filter(({ rule }) => rule === "lost" || rule === "evicted").map(({ count }) => count),
    );
    return { ...addUp(reports), operations: operations.length, violations, lost };
  } finally {
    await Promise.all(workers.map((worker) => worker.kill()));
    await control.close();
    await rm(folder, { recursive: true, force: true });
  }
}

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

async function createTargets(
  control: Application,
  { workers, operations }: CampaignOptions,
): Promise<Target[]> {
  const count = Math.max(6, Math.ceil((workers.length * operations) / 300));
  const created = await Promise.all(Array.from({ length: count }, () => control.create()));
  return acrossShards(created).map((session, index) => ({
    ...session,
    register: index % 5 === 4,
    mortal: index % 4 === 0 && index < count - 1,
    hold: false,
  }));
}

/**
 * Distributes the sessions evenly over the three shards of a Cluster. A load works on a few neighbours at a time. Otherwise all of
 * them could be on a lost shard, and the load would only wait.
 */
function acrossShards(sessions: readonly Created[]): Created[] {
  const shards = groupBy(sessions, ({ id }) => Math.floor((slotOf(id) * 3) / SLOTS));
  return [...shards.values()]
    .flatMap((shard) => shard.map((session, at) => ({ session, at: (at + 0.5) / shard.length })))
    .toSorted((one, other) => one.at - other.at)
    .map(({ session }) => session);
}

function startLoad(
  worker: ApplicationProcess,
  index: number,
  path: string,
  sessions: readonly Target[],
  options: CampaignOptions,
): Promise<void> {
  // Some of the workers hold the session, and others do not.
  const targets = sessions.map((target, at) => ({ ...target, hold: at < 60 && (at + index) % 3 === 0 }));
  const { seed, operations, inFlight = 4, destroys = true } = options;
  return worker.call("startLoad", {
    worker: `w${index}`,
    seed: seed + index,
    operations,
    inFlight,
    targets,
    destroys,
    path,
  });
}

/** Repeats a call until it is answered, because the judge's client may learn of a failover last. */
async function answered<Answer>(question: () => PromiseLike<Answer> | Answer): Promise<Answer> {
  const deadline = performance.now() + SETTLED_IN_MS;
  for (;;) {
    try {
      return await question();
    } catch (error) {
      if (!isSessionError(error, "STORE_UNAVAILABLE") || performance.now() > deadline) throw error;
      await delay(100);
    }
  }
}

/** Checks that the memory of each holder agrees with the store, without load and within a sweep. */
async function expectCaughtUp(
  workers: readonly ApplicationProcess[],
  control: Application,
  sessions: readonly Target[],
): Promise<void> {
  for (const { id } of sessions) {
    const stored = await answered(() => control.store.load(id));
    for (const [index, worker] of workers.entries()) {
      await until(async () => {
        const held = await worker.call("held", id);
        if (held === null || isDeepStrictEqual(held, { version: stored?.version, data: stored?.data }))
          return true;
        throw new Error(`w${index} has ${id} at version ${held.version}, not ${stored?.version}, in memory`);
      }, SETTLED_IN_MS);
    }
  }
}

/** The last reads: each session, and each subject's index. */
async function lastReads(control: Application, sessions: readonly Target[]): Promise<HistoryEvent[]> {
  const events: HistoryEvent[] = [];
  const now = (): number => Number(process.hrtime.bigint() / 1_000n);
  let op = 0;
  for (const { id } of sessions) {
    op += 1;
    events.push({ at: now(), worker: "judge", op, type: "invoke", kind: "read", session: id });
    const stored = await answered(() => control.store.load(id));
    const answer =
      stored === undefined
        ? { data: null }
        : { data: { ...stored.data }, version: stored.version, fence: stored.fence };
    events.push({ at: now(), worker: "judge", op, type: "ok", ...answer });
  }
  for (const value of new Set(sessions.map(({ id }) => `subject-${id.slice(0, 1)}`))) {
    op += 1;
    events.push({ at: now(), worker: "judge", op, type: "invoke", kind: "index", session: value, value });
    events.push({
      at: now(),
      worker: "judge",
      op,
      type: "ok",
      ids: await answered(() => control.bySubject(value)),
    });
  }
  return events;
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
