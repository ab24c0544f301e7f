import { createSessions } from "@wsession/core";
import type { Session } from "@wsession/core";
import { redisStore } from "@wsession/store-redis";
import { Redis } from "ioredis";
import { startRedis } from "../kit/redis.ts";
import type { RedisServer } from "../kit/redis.ts";
import { progress } from "../kit/report.ts";
import type { Figure, Options } from "../kit/report.ts";
import { sampleData } from "../kit/sample-data.ts";
import type { SampleData } from "../kit/sample-data.ts";
import { ServerProcess } from "../kit/server-process.ts";
import { ratio } from "../kit/stats.ts";
import type { Estimate } from "../kit/stats.ts";

const HANDLES = 1_000;
const AT_ONCE = 100;

interface Side {
  readonly redis: RedisServer;
  readonly others: readonly ServerProcess[];
  readonly handles: readonly Session<SampleData>[];
  close(): Promise<void>;
}

/** What an update costs, on both sides of the wire, where there are a million sessions and where there are few. */
export async function measureSessionsGrowth(options: Options): Promise<Figure> {
  const [few, many] = options.quick ? [1_000, 5_000] : [1_000, 1_000_000];
  const value = await compare(await start(few, 0), await start(many, 0), options);
  const what = `CPU of an update with ${many} stored sessions over ${few}`;
  return { field: "sessionsGrowth", value, target: { atMost: 1.1 }, what };
}

/** The same with processes that hold none of the sessions. */
export async function measureProcessesGrowth(options: Options): Promise<Figure> {
  const others = options.quick ? 1 : 16;
  const value = await compare(await start(HANDLES, 0), await start(HANDLES, others), options);
  const what = `CPU of an update, of all processes, with ${others} others that don't hold the session`;
  return { field: "processesGrowth", value, target: { atMost: 1.1 }, what };
}

async function compare(few: Side, many: Side, options: Options): Promise<Estimate> {
  const rounds = options.quick ? 2 : Math.max(2, Math.round(30 * options.rounds));
  const updates = options.quick ? 1_000 : 10_000;
  const costs: [number[], number[]] = [[], []];
  try {
    for (const side of [few, many]) await cost(side, 2 * updates);
    for (let round = 0; round < rounds; round += 1) {
      for (const index of round % 2 === 0 ? ([0, 1] as const) : ([1, 0] as const))
        costs[index].push(await cost(index === 0 ? few : many, updates));
    }
  } finally {
    await few.close();
    await many.close();
  }
  return ratio(costs[1], costs[0]);
}

async function start(sessionCount: number, otherCount: number): Promise<Side> {
  const redis = await startRedis();
  const client = new Redis(redis.port, "127.0.0.1");
  const sessions = createSessions<SampleData>({ store: redisStore({ client }) });
  const others: ServerProcess[] = [];
  for (let index = 0; index < otherCount; index += 1) {
    const other = await ServerProcess.start("app-redis", { args: [String(redis.port)] });
    others.push(other);
  }
  const handles: Session<SampleData>[] = [];
  const every = Math.floor(sessionCount / HANDLES);
  for (let first = 0; first < sessionCount; first += 500) {
    const batch = Array.from({ length: Math.min(500, sessionCount - first) }, (_, index) =>
      sessions.create(sampleData(first + index, false)),
    );
    for (const [index, { session }] of (await Promise.all(batch)).entries())
      if ((first + index) % every === 0) handles.push(session);
  }
  progress(`${sessionCount} sessions, ${otherCount} other processes`);
  return {
    redis,
    others,
    handles,
    async close() {
      await sessions.close();
      client.disconnect();
      await Promise.all(others.map((other) => other.kill()));
      await redis.stop();
    },
  };
}

/** CPU microseconds of an update: of this process, of the others, and of Redis. */
async function cost(side: Side, updates: number): Promise<number> {
  const before = await used(side);
  let begun = 0;
  const caller = async (number: number): Promise<void> => {
    for (let own = number; begun < updates; own += AT_ONCE) {
      begun += 1;
      await side.handles[own % HANDLES]?.update((data) => ({ ...data, visits: data.visits + 1 }));
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, (_, number) => caller(number)));
  return ((await used(side)) - before) / updates;
}

async function used({ redis, others }: Side): Promise<number> {
  const { user, system } = process.cpuUsage();
  const ofRedis = (await redis.info("cpu", "used_cpu_user")) + (await redis.info("cpu", "used_cpu_sys"));
  const ofOthers = await Promise.all(others.map((other) => other.cpu()));
  return user + system + ofRedis * 1e6 + ofOthers.reduce((sum, cpu) => sum + cpu, 0);
}
