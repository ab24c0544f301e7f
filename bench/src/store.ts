import { startRedis } from "./kit/redis.ts";
import { printTable, progress, readOptions, report, single } from "./kit/report.ts";
import type { Figure } from "./kit/report.ts";
import { ServerProcess } from "./kit/server-process.ts";
import { median, ratio } from "./kit/stats.ts";
import { hotSession } from "./store/subjects.ts";

// The cost of an acknowledged change of a session in Redis, compared with the bare command and with
// connect-redis.

process.env["NODE_ENV"] = "production";
const options = readOptions();
const SESSIONS = options.quick ? 100 : 1_000;
const AT_ONCE = options.quick ? 20 : 200;
const UPDATES = options.quick ? 1_000 : 8_000;
const WARM_UP = options.quick ? 1 : 12;
const ROUNDS = options.quick ? 2 : 30;
/**
 * The number of times the processes are restarted, because the memory layout of code and heap differs between
 * processes.
 */
const GENERATIONS = options.quick ? 1 : Math.max(1, Math.round(6 * options.rounds));

const NAMES = ["update", "script", "connectRedis"] as const;
/** `update` has a client of ioredis. */
const CLIENTS = ["update", "iovalkey", "nodeRedis"] as const;
type Name = (typeof NAMES)[number] | (typeof CLIENTS)[number];

interface Rate {
  readonly perSecond: number;
  readonly perCpuSecond: number;
}

async function measure(process: ServerProcess, updates: number): Promise<Rate> {
  const { perSecond = Number.NaN, perCpuSecond = Number.NaN } = await process.ask("run", String(updates));
  return { perSecond, perCpuSecond };
}

const redis = await startRedis();
const figures: Figure[] = [];
/** By name, in the order of the rounds. */
type Rates = ReadonlyMap<Name, Rate[]>;
const newRates = (names: readonly Name[]): Rates => new Map(names.map((name) => [name, []]));
const rates = newRates(NAMES);
const perSecond = (name: Name, of: Rates = rates): number[] =>
  (of.get(name) ?? []).map((rate) => rate.perSecond);
const perCpuSecond = (name: Name, of: Rates = rates): number[] =>
  (of.get(name) ?? []).map((rate) => rate.perCpuSecond);

/** Starts one process for each name, and measures them in turn. */
async function generation(of: Rates): Promise<void> {
  const running: { readonly process: ServerProcess; readonly found: Rate[] }[] = [];
  try {
    for (const [name, found] of of) {
      const args = [String(redis.port), name, String(SESSIONS), String(AT_ONCE)];
      running.push({ process: await ServerProcess.start("updates", { args }), found });
    }
    for (const { process } of running) await measure(process, UPDATES * WARM_UP);
    for (let round = 0; round < ROUNDS; round += 1) {
      for (const { process, found } of round % 2 === 0 ? running : running.toReversed())
        found.push(await measure(process, UPDATES));
    }
  } finally {
    await Promise.all(running.map(({ process }) => process.stop()));
  }
}

function printRates(title: string, of: Rates): void {
  const rows = [...of.keys()].map((name) => [
    name,
    median(perSecond(name, of)).toFixed(0),
    median(perCpuSecond(name, of)).toFixed(0),
  ]);
  printTable(title, ["", "a second", "a CPU second"], rows);
}

try {
  for (let number = 1; number <= GENERATIONS; number += 1) {
    await generation(rates);
    const now = ratio(perSecond("update"), perSecond("script"));
    progress(
      `updateRatio ${number}/${GENERATIONS}: ${now.median.toFixed(3)} (${now.low.toFixed(3)} – ${now.high.toFixed(3)})`,
    );
  }
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
  printRates("Changes (median)", rates);
  progress("each client library");
  const byClient = newRates(CLIENTS);
  await generation(byClient);
  for (const [field, name] of [
    ["iovalkeyRatio", "iovalkey"],
    ["nodeRedisRatio", "nodeRedis"],
  ] as const)
    figures.push({
      field,
      value: ratio(perSecond(name, byClient), perSecond("update", byClient)),
      what: `updates a second with ${name}, over those with ioredis`,
    });
  printRates("Changes by client (median); update: with ioredis", byClient);
  progress("one hot session");
  figures.push(...(await hot()));
} finally {
  await redis.stop();
}
report(`Redis store: ${SESSIONS} sessions, ${AT_ONCE} changes at a time from one process`, figures, options);

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
