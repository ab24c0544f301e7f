import { redisStore } from "@wsession/store-redis";
import { Redis } from "ioredis";
import { sharedNow } from "./kit/clock.ts";
import { startRedis } from "./kit/redis.ts";
import { type Figure, progress, readOptions, report, single } from "./kit/report.ts";
import { type Estimate, estimate } from "./kit/stats.ts";
import { ServerProcess } from "./kit/server-process.ts";
import { PATIENCE_MS } from "./kit/patience.ts";

// Changes of presence, from when they are due until the listener of each of four watching processes has run; the CPU time of each
// part; and what watched subjects take in Redis.

process.env["NODE_ENV"] = "production";
const WATCHERS = 4;
/** One process could not make the changes of the highest rate: a release and a resume keep its thread busy for 0.1 ms each. */
const CHANGERS = 2;
const PER_SECOND = 10_000;
const STARTS_IN_MS = 50;
const options = readOptions();
const subjects = options.quick ? 100 : 1_000;
const seconds = options.quick ? 0.2 : 3;
/** Rounds at the highest rate. The interval of their results shows how often other programs took processor time. */
const rounds = options.quick ? 1 : Math.max(1, Math.round(5 * options.rounds));
/** The machine of the bench has fewer cores than the bench has processes, so lower rates show from which rate on it is overloaded. */
const allRates = options.quick ? [1_000] : [1_000, 2_500, 5_000, PER_SECOND];
const rates = allRates.filter(
  (rate) => options.only.length === 0 || options.only.some((field) => field.startsWith(nameOf(rate))),
);

/** The CPU time that one change costs in each kind of process. */
interface Cpu {
  readonly redis: number;
  readonly changers: number;
  readonly watchers: number;
}

type CpuEstimate = Readonly<Record<keyof Cpu, Estimate>>;

const redis = await startRedis();
const processes: ServerProcess[] = [];
const start = async (module: string, ...args: readonly unknown[]): Promise<ServerProcess> => {
  const started = await ServerProcess.start(module, { args: [redis.port, ...args].map(String) });
  processes.push(started);
  return started;
};

try {
  const bytes = options.only.length > 0 ? [] : await bytesOfWatched();
  const changersOf = (isRecorded: boolean): Promise<ServerProcess[]> =>
    Promise.all(
      Array.from({ length: CHANGERS }, (_, index) => {
        const each = subjects / CHANGERS;
        // The two kinds of changers have different subjects, because a subject is online while any of its sessions is.
        const first = (isRecorded ? 0 : subjects) + index * each;
        return start("presence-changer", first, each, isRecorded);
      }),
    );
  const [unrecorded, changers] = [await changersOf(false), await changersOf(true)];
  const idle: ServerProcess[] = [];
  const rate = rates.at(-1) ?? PER_SECOND;
  // The first run warms the processes up, and its result is not used.
  const measured = async (all: readonly ServerProcess[]) => {
    await run(all, idle, rate);
    return run(all, idle, rate);
  };
  const plain = await measured(unrecorded);
  const unwatched = await measured(changers);
  const watchers = await Promise.all(
    Array.from({ length: WATCHERS }, () => start("presence-watcher", subjects)),
  );
  await run(changers, watchers, rate);
  const figures: Figure[] = [];
  for (const one of rates) figures.push(...(await measure(one, changers, watchers)));
  const once = ({ redis: of, changers: by, watchers: to }: Cpu): CpuEstimate => {
    return { redis: single(of), changers: single(by), watchers: single(to) };
  };
  const parts = [...cpuFigures("plain", once(plain.cpu)), ...cpuFigures("recorded", once(unwatched.cpu))];
  report(`Changes of presence to ${WATCHERS} watching processes`, [...figures, ...parts, ...bytes], options);
} finally {
  await Promise.all(processes.map((one) => one.kill()));
  await redis.stop();
}

/** Memory of Redis for each subject that one process watches. */
async function bytesOfWatched(): Promise<Figure[]> {
  const client = new Redis(redis.port, "127.0.0.1");
  const store = redisStore({ client, timeoutMs: PATIENCE_MS });
  store.attach({ held: () => undefined, heldIds: () => [], notify: () => 0, onError: () => undefined });
  const wanted = Array.from({ length: 1_000 }, (_, index) => `watched-${index}`);
  // The first watch also creates the data that does not depend on the number of subjects, which must not be counted.
  const first = await store.watch(["first"], () => undefined);
  const before = await redis.info("memory", "used_memory");
  const stop = await store.watch(wanted, () => undefined);
  const after = await redis.info("memory", "used_memory");
  stop();
  first();
  await store.close();
  client.disconnect();
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
async function run(changers: readonly ServerProcess[], watchers: readonly ServerProcess[], rate: number) {
  const each = subjects / CHANGERS;
  const visits = Math.max(1, Math.round((rate * seconds) / 2 / subjects));
  const changes = 2 * visits * each;
  const perSecond = rate / CHANGERS;
  const before = await cpuSeconds(changers, watchers);
  const startAt = sharedNow() + STARTS_IN_MS;
  const text = JSON.stringify({ startAt, perSecond, changes });
  const answers = await Promise.all(changers.map((changer) => changer.ask("run", text)));
  const sum = (field: string): number => answers.reduce((all, answer) => all + (answer[field] ?? 0), 0);
  const after = await cpuSeconds(changers, watchers);
  const perChange = (part: keyof Cpu): number => ((after[part] - before[part]) * 1e6) / (CHANGERS * changes);
  const cpu = {
    redis: perChange("redis"),
    changers: perChange("changers"),
    watchers: perChange("watchers"),
  };
  /** By subject, when each of its changes was due, so that a stall of the process that makes them counts. */
  const due = Array.from({ length: subjects }, (_, subject) => {
    const times = Array.from({ length: 2 * visits }, (_unused, round) => round * each + (subject % each));
    return [`user-${subject}`, times.map((change) => startAt + (change * 1_000) / perSecond)] as const;
  });
  const all = CHANGERS * changes;
  progress(
    `${all} changes, ${rate} a second, in ${Math.round(Math.max(...answers.map(({ tookMs = 0 }) => tookMs)))} ms, ${sum("failed")} failed`,
  );
  return { all, due, cpu };
}

async function measure(
  rate: number,
  changers: readonly ServerProcess[],
  watchers: readonly ServerProcess[],
): Promise<Figure[]> {
  const found: { readonly p50: number; readonly p99: number; readonly cpu: Cpu }[] = [];
  while (found.length < (rate === PER_SECOND ? rounds : 1))
    found.push(await measureOnce(rate, changers, watchers));
  const value = (of: (one: (typeof found)[number]) => number): Estimate => estimate(found.map(of));
  const figure = (name: string, estimated: Estimate, what: string): Figure => ({
    field: `${nameOf(rate)}${name}Ms`,
    value: estimated,
    what: `${rate} changes a second, ${what} of the slowest process, ms`,
    digits: 1,
    worthlessOver: 1_000,
  });
  const cpu: CpuEstimate = {
    redis: value((one) => one.cpu.redis),
    changers: value((one) => one.cpu.changers),
    watchers: value((one) => one.cpu.watchers),
  };
  return [
    figure(
      "P50",
      value(({ p50 }) => p50),
      "median",
    ),
    {
      ...figure(
        "P99",
        value(({ p99 }) => p99),
        "99th percentile",
      ),
      ...(rate === PER_SECOND && { target: { atMost: 50 } }),
    },
    ...cpuFigures(nameOf(rate), cpu),
  ];
}

async function measureOnce(
  rate: number,
  changers: readonly ServerProcess[],
  watchers: readonly ServerProcess[],
) {
  for (const watcher of watchers) await watcher.ask("clear");
  const { all, due, cpu } = await run(changers, watchers, rate);
  for (let tries = 0; tries < 50; tries += 1) {
    const counts = await Promise.all(watchers.map((watcher) => watcher.ask("count")));
    if (counts.every(({ reported }) => reported === all)) break;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const text = JSON.stringify(due);
  const answers = await Promise.all(watchers.map((watcher) => watcher.ask("latencies", text)));
  const most = (field: string): number => Math.max(...answers.map((answer) => answer[field] ?? Number.NaN));
  if (most("missing") > 0) progress(`${most("missing")} changes were not reported one by one`);
  return { p50: most("p50"), p99: most("p99"), cpu };
}

function cpuFigures(name: string, cpu: CpuEstimate): Figure[] {
  return (["redis", "changers", "watchers"] as const).map((part) => ({
    field: `${name}Cpu${part[0]?.toUpperCase()}${part.slice(1)}`,
    value: cpu[part],
    worthlessOver: 1_000,
    what: `CPU time of ${part === "redis" ? "Redis" : `all ${part}`} for each change, microseconds`,
    digits: 1,
  }));
}

async function cpuSeconds(
  changers: readonly ServerProcess[],
  watchers: readonly ServerProcess[],
): Promise<Cpu> {
  const of = async (all: readonly ServerProcess[]): Promise<number> => {
    const used = await Promise.all(all.map((one) => one.cpu()));
    return used.reduce((sum, one) => sum + one / 1e6, 0);
  };
  const [user, system] = [await redis.info("cpu", "used_cpu_user"), await redis.info("cpu", "used_cpu_sys")];
  return { redis: user + system, changers: await of(changers), watchers: await of(watchers) };
}

function nameOf(rate: number): string {
  return `told${rate}`;
}
