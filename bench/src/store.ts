import { startRedis } from "./kit/redis.ts";
import { printTable, progress, readOptions, report, single } from "./kit/report.ts";
import type { Figure } from "./kit/report.ts";
import { median, ratio } from "./kit/stats.ts";
import { connectRedisUpdates, hotSession, scriptUpdates, wsessionUpdates } from "./store/subjects.ts";
import type { Updates } from "./store/subjects.ts";

// What an acknowledged change of a session in Redis costs, beside the bare command and beside what is done today.

process.env["NODE_ENV"] = "production";
const options = readOptions();
const SESSIONS = options.quick ? 100 : 1_000;
const AT_ONCE = options.quick ? 20 : 200;
const UPDATES = options.quick ? 1_000 : 20_000;
const ROUNDS = options.quick ? 2 : Math.max(2, Math.round(30 * options.rounds));

interface Rate {
  readonly perSecond: number;
  readonly perCpuSecond: number;
}

/** `AT_ONCE` callers, each of whom waits for its answer; no two ever change the same session at once. */
async function measure({ update }: Updates, updates: number): Promise<Rate> {
  const startedAt = performance.now();
  const cpu = process.cpuUsage();
  let begun = 0;
  const caller = async (number: number): Promise<void> => {
    for (let own = number; begun < updates; own += AT_ONCE) {
      begun += 1;
      await update(own % SESSIONS);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, (_, number) => caller(number)));
  const { user, system } = process.cpuUsage(cpu);
  return {
    perSecond: (updates / (performance.now() - startedAt)) * 1e3,
    perCpuSecond: (updates / (user + system)) * 1e6,
  };
}

const redis = await startRedis();
const figures: Figure[] = [];
try {
  const subjects = {
    update: await wsessionUpdates(redis.port, SESSIONS),
    script: await scriptUpdates(redis.port, SESSIONS),
    connectRedis: await connectRedisUpdates(redis.port, SESSIONS),
  };
  const rates: Record<keyof typeof subjects, Rate[]> = { update: [], script: [], connectRedis: [] };
  const names = ["update", "script", "connectRedis"] as const;
  for (const name of names) await measure(subjects[name], UPDATES * (options.quick ? 1 : 2));
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const name of round % 2 === 0 ? names : names.toReversed())
      rates[name].push(await measure(subjects[name], UPDATES));
  }
  for (const name of names) await subjects[name].close();
  const perSecond = (name: (typeof names)[number]): number[] => rates[name].map((rate) => rate.perSecond);
  const perCpuSecond = (name: (typeof names)[number]): number[] =>
    rates[name].map((rate) => rate.perCpuSecond);
  figures.push(
    {
      field: "updateRatio",
      value: ratio(perSecond("update"), perSecond("script")),
      target: { atLeast: 0.9 },
      what: "updates a second, over the same script by hand",
    },
    {
      field: "updateCpuRatio",
      value: ratio(perCpuSecond("update"), perCpuSecond("script")),
      what: "the same per CPU second of the client's process",
    },
    {
      field: "vsConnectRedis",
      value: ratio(perSecond("update"), perSecond("connectRedis")),
      target: { atLeast: 1.2 },
      what: "updates a second, over connect-redis get + set",
    },
    {
      field: "vsConnectRedisCpu",
      value: ratio(perCpuSecond("update"), perCpuSecond("connectRedis")),
      target: { atLeast: 1.2 },
      what: "the same per CPU second",
    },
  );
  const rows = names.map((name) => [
    name,
    median(perSecond(name)).toFixed(0),
    median(perCpuSecond(name)).toFixed(0),
  ]);
  printTable("Changes (median)", ["", "a second", "a CPU second"], rows);
  progress("one hot session");
  figures.push(...(await hot()));
} finally {
  await redis.stop();
}
report(`Redis store: ${SESSIONS} sessions, ${AT_ONCE} changes at a time, one process`, figures, options);

async function hot(): Promise<Figure[]> {
  const BURST = 100;
  const patches = options.quick ? 1_000 : 10_000;
  const { session, sent, close } = await hotSession(redis.port);
  const before = sent.count;
  for (let done = 0; done < patches; done += BURST) {
    await Promise.all(Array.from({ length: BURST }, (_, index) => session.patch({ visits: done + index })));
  }
  const forPatches = sent.count - before;
  if ((await session.refresh()).visits !== patches - 1) throw new Error("a patch was lost");
  const beforeReads = sent.count;
  let visits = 0;
  for (let read = 0; read < patches; read += 1) visits += session.data.visits;
  const forReads = sent.count - beforeReads;
  if (visits === 0) throw new Error("nothing was read");
  await close();
  return [
    {
      field: "hotSessionUpdates",
      value: single(forPatches / patches),
      target: { atMost: 0.02 },
      what: `commands sent per patch of one session, in bursts of ${BURST}`,
    },
    {
      field: "commandsPerRead",
      value: single(forReads / patches),
      target: { atMost: 0 },
      what: "commands sent per read of session.data",
    },
  ];
}
