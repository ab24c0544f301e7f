import { testStore } from "@wsession/conformance";
import { Cluster, Redis } from "ioredis";
import { afterAll, beforeAll } from "vitest";
import { startCluster, startRedis } from "../packages/store-redis/test/redis-server.ts";
import type { RedisCluster, RedisServer } from "../packages/store-redis/test/redis-server.ts";
import { harnessOf } from "./redis-harness.ts";

let server: RedisServer;
let cluster: RedisCluster;

beforeAll(async () => {
  [server, cluster] = await Promise.all([startRedis(), startCluster()]);
});

afterAll(async () => {
  await Promise.all([server?.stop(), cluster?.stop()]);
});

testStore(
  "redisStore",
  harnessOf(() => new Redis(server.port, server.host)),
);

testStore(
  "redisStore on a Cluster",
  harnessOf(() => new Cluster(cluster.nodes.map(({ host, port }) => ({ host, port })))),
);
