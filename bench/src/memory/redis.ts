import { randomBytes } from "node:crypto";
import { RedisStore } from "connect-redis";
import { Cookie } from "express-session";
import { createClient } from "redis";
import { openMany, RawConnection } from "../kit/raw-connection.ts";
import { startRedis } from "../kit/redis.ts";
import type { RedisServer } from "../kit/redis.ts";
import { single } from "../kit/report.ts";
import type { Figure, Options } from "../kit/report.ts";
import { sampleData } from "../kit/sample-data.ts";
import { ServerProcess } from "../kit/server-process.ts";

/** One option `--only` with any of these fields measures all of them, so that they are of one run. */
export const REDIS_FIELDS: readonly string[] = [
  "redisBytes",
  "redisBytesLarge",
  "redisBytesLargeListpack",
  "connectRedisBytes",
  "connectRedisBytesLarge",
];

/** With this setting a session with a value of 200 bytes is a listpack, which is smaller than a hashtable. */
const LARGE_LISTPACK = ["--hash-max-listpack-value", "256"] as const;

/**
 * The memory of live sessions in Redis, beyond their data as JSON: keys, metadata, holders, subject index,
 * and the tables of Redis.
 */
export async function measureRedis(options: Options): Promise<Figure[]> {
  const count = options.quick ? 300 : 15_000;
  const figures: Figure[] = [];
  for (const large of [false, true]) {
    const suffix = large ? "Large" : "";
    const values = large ? ", one value of 200 bytes" : ", values under 64 bytes";
    figures.push(
      {
        field: `redisBytes${suffix}`,
        value: single(await measure(count, large, liveSessions)),
        target: { atMost: large ? 900 : 560 },
        what: `Redis memory of a live session beyond its data${values}`,
        digits: 0,
      },
      {
        field: `connectRedisBytes${suffix}`,
        value: single(await measure(count, large, connectRedis)),
        what: `connect-redis: a session beyond its data${values}; no holders, no index`,
        digits: 0,
      },
    );
  }
  figures.push({
    field: "redisBytesLargeListpack",
    value: single(await measure(count, true, liveSessions, LARGE_LISTPACK)),
    what: `redisBytesLarge on a Redis with ${LARGE_LISTPACK.join(" ").slice(2)}`,
    digits: 0,
  });
  return figures;
}

type Fill = (redis: RedisServer, count: number, large: boolean) => Promise<() => Promise<void>>;

/** Compares `used_memory` before and after, which includes the server's own tables. */
async function measure(
  count: number,
  large: boolean,
  fill: Fill,
  args: readonly string[] = [],
): Promise<number> {
  const redis = await startRedis(args);
  try {
    const warm = await fill(redis, 0, large);
    const before = await redis.info("memory", "used_memory");
    const done = await fill(redis, count, large);
    const after = await redis.info("memory", "used_memory");
    await done();
    await warm();
    let data = 0;
    for (let index = 0; index < count; index += 1)
      data += Buffer.byteLength(JSON.stringify(sampleData(index, large)));
    return (after - before - data) / count;
  } finally {
    await redis.stop();
  }
}

async function liveSessions(redis: RedisServer, count: number, large: boolean): Promise<() => Promise<void>> {
  const size = large ? "large" : "small";
  const server = await ServerProcess.start("app-redis", { args: [String(redis.port), size] });
  const connections = await openMany(count, (index) =>
    RawConnection.open({ port: server.port, path: `/user-${index}/${index}` }),
  );
  const { errors } = await server.ask("errors");
  if (errors !== 0) throw new Error(`${errors} errors while sessions were created`);
  return async () => {
    for (const connection of connections) connection.destroy();
    await server.kill();
  };
}

async function connectRedis(redis: RedisServer, count: number, large: boolean): Promise<() => Promise<void>> {
  const client = createClient({ socket: { port: redis.port, host: "127.0.0.1" } });
  await client.connect();
  const store = new RedisStore({ client });
  for (let index = 0; index < count; index += 1) {
    // As express-session makes its ids: 24 random bytes.
    const session = { cookie: new Cookie(), ...sampleData(index, large) };
    await store.set(randomBytes(24).toString("base64url"), session);
  }
  return async () => client.destroy();
}
