import { createHash } from "node:crypto";
import { createSessions } from "@wsession/core";
import type { Session, Sessions } from "@wsession/core";
import { redisStore } from "@wsession/store-redis";
import { Redis } from "ioredis";
import { startRedis } from "../kit/redis.ts";
import type { RedisServer } from "../kit/redis.ts";
import { progress } from "../kit/report.ts";
import type { Figure, Options } from "../kit/report.ts";
import type { SampleData } from "../kit/sample-data.ts";
import { ServerProcess } from "../kit/server-process.ts";
import { estimate } from "../kit/stats.ts";
import type { Estimate } from "../kit/stats.ts";
import { PATIENCE_MS } from "../kit/patience.ts";

const HANDLES = 1_000;
const AT_ONCE = 100;

const LEAST = "return redis.call('HSET', KEYS[1], 'd:visits', ARGV[1])";
const LEAST_DIGEST = createHash("sha1").update(LEAST).digest("hex");

/** Changes the session with this number among the sessions that are changed. */
type Operation = (side: Side, index: number) => Promise<unknown> | undefined;

interface Side {
  readonly redis: RedisServer;
  /** For direct commands. The commands of one turn are sent together, as in the store. */
  readonly byHand: Redis;
  readonly others: readonly ServerProcess[];
  readonly handles: readonly Session<SampleData>[];
  close(): Promise<void>;
}

/** CPU microseconds of one operation. */
interface Cost {
  readonly few: number;
  readonly many: number;
}

/**
 * The cost of an update in the client and in Redis, with a million sessions and with few. The same rounds measure the smallest
 * script that changes the field atomically. The growth of that script is Redis' own. If an update grew only by that amount, its
 * growth would be `leastSessionsGrowth`.
 */
export async function measureSessionsGrowth(options: Options): Promise<Figure[]> {
  const [few, many] = options.quick ? [1_000, 5_000] : [1_000, 1_000_000];
  const sides = [await start(few, 0), await start(many, 0)] as const;
  try {
    const [ours = [], leastOf = []] = await compare(sides, [update, least], options);
    const value = growth(ours);
    const added = leastOf.map((own) => own.many - own.few);
    const floor = estimate(ours.map((own, round) => 1 + (added[round] ?? Number.NaN) / own.few));
    const what = `with ${many} stored sessions over ${few}`;
    return [
      { field: "sessionsGrowth", value, target: { atMost: 1.1 }, what: `CPU of an update ${what}` },
      {
        field: "leastSessionsGrowth",
        value: floor,
        what: "the same, if it grew by what a script of one HSET does",
      },
    ];
  } finally {
    for (const side of sides) await side.close();
  }
}

/** The cost of an update while other processes run that hold none of the sessions. */
export async function measureProcessesGrowth(options: Options): Promise<Figure> {
  const others = options.quick ? 1 : 16;
  const sides = [await start(HANDLES, 0), await start(HANDLES, others)] as const;
  try {
    const [ours = []] = await compare(sides, [update], options);
    const value = growth(ours);
    const what = `CPU of an update, of all processes, with ${others} others that don't hold the session`;
    return { field: "processesGrowth", value, target: { atMost: 1.1 }, what };
  } finally {
    for (const side of sides) await side.close();
  }
}

function growth(costs: readonly Cost[]): Estimate {
  return estimate(costs.map(({ few, many }) => many / few));
}

/** The cost of each operation with few and with many sessions, in pairs, round by round. */
async function compare(
  [few, many]: readonly [Side, Side],
  operations: readonly Operation[],
  options: Options,
): Promise<readonly (readonly Cost[])[]> {
  const rounds = options.quick ? 2 : Math.max(2, Math.round(150 * options.rounds));
  const updates = options.quick ? 1_000 : 5_000;
  const costs = operations.map((): Cost[] => []);
  for (const operation of operations)
    for (const side of [few, many]) await cost(side, operation, 10 * updates);
  for (let round = 0; round < rounds; round += 1) {
    for (const [index, operation] of operations.entries()) {
      const first = await cost(round % 2 === 0 ? few : many, operation, updates);
      const second = await cost(round % 2 === 0 ? many : few, operation, updates);
      costs[index]?.push(round % 2 === 0 ? { few: first, many: second } : { few: second, many: first });
    }
  }
  return costs;
}

function update({ handles }: Side, index: number): Promise<unknown> | undefined {
  return handles[index]?.update((data) => ({ ...data, visits: data.visits + 1 }));
}

function least({ byHand, handles }: Side, index: number): Promise<unknown> {
  return byHand.evalsha(LEAST_DIGEST, 1, `ws:s:{${handles[index]?.id}}`, "1");
}

async function start(sessionCount: number, otherCount: number): Promise<Side> {
  const redis = await startRedis();
  const ids = await store(redis, sessionCount);
  const { sessions, close } = open(redis.port);
  const byHand = new Redis({ port: redis.port, host: "127.0.0.1", enableAutoPipelining: true });
  await byHand.script("LOAD", LEAST);
  const others: ServerProcess[] = [];
  for (let index = 0; index < otherCount; index += 1) {
    const other = await ServerProcess.start("app-redis", { args: [String(redis.port)] });
    others.push(other);
  }
  const found = await Promise.all(ids.map((id) => sessions.get(id)));
  const handles = found.filter((session) => session !== undefined);
  if (handles.length !== HANDLES) throw new Error("a session was lost");
  progress(`${sessionCount} sessions, ${otherCount} other processes`);
  return {
    redis,
    byHand,
    others,
    handles,
    async close() {
      await close();
      byHand.disconnect();
      await Promise.all(others.map((other) => other.kill()));
      await redis.stop();
    },
  };
}

/** Stores the sessions, and returns the ids of `HANDLES` of them, spread over all sessions. */
async function store(redis: RedisServer, count: number): Promise<readonly string[]> {
  const args = [String(redis.port), String(count), String(HANDLES)];
  const filler = await ServerProcess.start("stored", { args });
  const client = new Redis(redis.port, "127.0.0.1");
  try {
    await filler.ask("store");
    return await client.lrange("stored", 0, -1);
  } finally {
    client.disconnect();
    await filler.kill();
  }
}

function open(port: number): {
  sessions: Sessions<SampleData>;
  close(): Promise<void>;
} {
  const client = new Redis(port, "127.0.0.1");
  const sessions = createSessions<SampleData>({ store: redisStore({ client, timeoutMs: PATIENCE_MS }) });
  const close = async (): Promise<void> => {
    await sessions.close();
    client.disconnect();
  };
  return { sessions, close };
}

/** CPU microseconds of an update: of this process, of the others, and of Redis. */
async function cost(side: Side, operation: Operation, updates: number): Promise<number> {
  const before = await used(side);
  let begun = 0;
  const caller = async (number: number): Promise<void> => {
    for (let own = number; begun < updates; own += AT_ONCE) {
      begun += 1;
      await operation(side, own % HANDLES);
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
