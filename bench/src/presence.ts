import { randomBytes } from "node:crypto";
import { setTimeout as wait } from "node:timers/promises";
import { redisStore } from "@wsession/store-redis";
import { Redis } from "ioredis";
import { startRedis } from "./kit/redis.ts";
import { type Figure, progress, readOptions, report, single } from "./kit/report.ts";
import { ServerProcess } from "./kit/server-process.ts";

// Changes of presence, from the call that makes them until the listener of each of four watching processes has run; and what
// watched subjects take in Redis.

process.env["NODE_ENV"] = "production";
const WATCHERS = 4;
const PER_SECOND = 10_000;
const options = readOptions();
const subjects = options.quick ? 100 : 1_000;
const seconds = options.quick ? 0.2 : Math.max(1, 5 * options.rounds);
/** The machine that carries it out has fewer cores than processes: lower rates show where it is full. */
const rates = options.quick ? [1_000] : [1_000, 2_500, 5_000, PER_SECOND];

const redis = await startRedis();
const client = new Redis(redis.port, "127.0.0.1");
const store = redisStore({ client });
store.attach({ held: () => undefined, heldIds: () => [], notify: () => 0, onError: () => undefined });
store.track({
  leaveAfterMs: 600_000,
  isAlways: true,
  events: new Set(),
  deliver: () => Promise.resolve(),
});
const watchers: ServerProcess[] = [];
const digest = "d";

try {
  const ids: string[] = [];
  for (let index = 0; index < subjects; index += 1) {
    const id = randomBytes(16).toString("base64url");
    ids.push(id);
    const subject = `user-${index}`;
    const lifetimes = { idleMs: 3_600_000, absoluteMs: 3_600_000 };
    const request = { id, digest, subject, data: {}, schemaVersion: 0, exclusive: false };
    await store.create({ ...request, ...lifetimes, hold: true });
  }
  const bytes = await bytesOfWatched();
  while (watchers.length < WATCHERS)
    watchers.push(
      await ServerProcess.start("presence-watcher", { args: [String(redis.port), String(subjects)] }),
    );
  const figures: Figure[] = [];
  for (const rate of rates) figures.push(...(await measure(rate, ids)));
  report(`Changes of presence to ${WATCHERS} watching processes`, [...figures, ...bytes], options);
} finally {
  await store.close();
  client.disconnect();
  await Promise.all(watchers.map((watcher) => watcher.kill()));
  await redis.stop();
}

/** Memory of Redis for each subject that one process watches. */
async function bytesOfWatched(): Promise<Figure[]> {
  const wanted = Array.from({ length: 1_000 }, (_, index) => `watched-${index}`);
  // The first watch also makes what does not depend on the number of subjects.
  const first = await store.watch(["first"], () => undefined);
  const before = await redis.info("memory", "used_memory");
  const stop = await store.watch(wanted, () => undefined);
  const after = await redis.info("memory", "used_memory");
  stop();
  first();
  return [
    {
      field: "watchedBytes",
      value: single((after - before) / wanted.length),
      target: { atMost: 120 },
      what: "bytes of used_memory for each of 1,000 subjects that a process watches",
      digits: 0,
    },
  ];
}

/** Each session loses its connection, and comes back, in turn. */
async function measure(rate: number, ids: readonly string[]): Promise<Figure[]> {
  for (const watcher of watchers) await watcher.ask("clear");
  const begun = new Map<string, number[]>();
  const changes = 2 * Math.round((rate * seconds) / 2 / ids.length) * ids.length || 2 * ids.length;
  const calls: Promise<boolean>[] = [];
  const startedAt = sharedNow();
  for (let change = 0; change < changes; change += 1) {
    const due = startedAt + (change * 1_000) / rate;
    const early = due - sharedNow();
    if (early > 1) await wait(early);
    const index = change % ids.length;
    const id = ids[index] ?? "";
    const times = begun.get(`user-${index}`) ?? [];
    begun.set(`user-${index}`, times);
    // From when the change was due, so that a stall of this process counts.
    times.push(due);
    const goes = Math.floor(change / ids.length) % 2 === 0;
    calls.push(
      (goes ? store.release(id) : resume(id)).then(
        () => true,
        () => false,
      ),
    );
  }
  const failed = (await Promise.all(calls)).filter((isDone) => !isDone).length;
  const tookMs = sharedNow() - startedAt;
  for (let tries = 0; tries < 50; tries += 1) {
    const counts = await Promise.all(watchers.map((watcher) => watcher.ask("count")));
    if (counts.every(({ told }) => told === changes)) break;
    await wait(20);
  }
  const text = JSON.stringify([...begun]);
  const answers = await Promise.all(watchers.map((watcher) => watcher.ask("latencies", text)));
  const most = (field: string): number => Math.max(...answers.map((answer) => answer[field] ?? Number.NaN));
  progress(
    `${changes} changes in ${Math.round(tookMs)} ms, ${most("missing")} not told one by one, ${failed} failed`,
  );
  const target = rate === PER_SECOND ? { target: { atMost: 50 } } : {};
  return [
    {
      field: `told${rate}P99Ms`,
      value: single(most("p99")),
      ...target,
      what: `${rate} changes a second, 99th percentile of the slowest process, ms`,
      digits: 1,
    },
  ];
}

function resume(id: string): Promise<unknown> {
  const request = { id, digest, nextDigest: undefined, subject: undefined, exclusive: false };
  return store.resume({ ...request, idleMs: 3_600_000, hold: true });
}

function sharedNow(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
