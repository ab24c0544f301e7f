/** The last steps of a campaign: whether the processes agree with the store, and what the store has. */
import { setTimeout as delay } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import { isSessionError } from "@wsession/core";
import { until } from "../../packages/store-redis/test/redis-server.ts";
import type { Application } from "./application.mjs";
import type { HistoryEvent } from "./history.ts";
import type { Target } from "./load.mjs";
import type { ApplicationProcess } from "./processes.ts";

/** The time limit of the last steps. They take no longer than the limits of the faults. */
export const SETTLED_IN_MS = 20_000;

/** Repeats a call until it is answered, because the judge's client may detect a failover last. */
export async function answered<Answer>(question: () => PromiseLike<Answer> | Answer): Promise<Answer> {
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
export async function expectCaughtUp(
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
export async function lastReads(control: Application, sessions: readonly Target[]): Promise<HistoryEvent[]> {
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
