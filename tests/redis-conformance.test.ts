import { testStore } from "@wsession/conformance";
import { Cluster, Redis } from "ioredis";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startCluster, startRedis } from "../packages/store-redis/test/redis-server.ts";
import type { RedisCluster, RedisServer } from "../packages/store-redis/test/redis-server.ts";
import { documentedUser as user, refusedBy, restrict } from "./acl-rules.ts";
import { harnessOf } from "./redis-harness.ts";

// As a user with the rights of docs/operations.md alone, so that the page names each right that the store needs.
let server: RedisServer;
let cluster: RedisCluster;

beforeAll(async () => {
  [server, cluster] = await Promise.all([startRedis(), startCluster()]);
  await Promise.all([server, ...cluster.nodes].map(restrict));
});

afterAll(async () => {
  await Promise.all([server?.stop(), cluster?.stop()]);
});

testStore(
  "redisStore",
  harnessOf(() => new Redis({ port: server.port, host: server.host, ...user })),
);

testStore(
  "redisStore on a Cluster",
  harnessOf(() => {
    const nodes = cluster.nodes.map(({ host, port }) => ({ host, port }));
    return new Cluster(nodes, { redisOptions: user });
  }),
);

// Last of all: a call that does without a right that it was refused passes, and leaves an entry in the log.
test("a user with the rights of docs/operations.md alone causes no entry in the ACL log", async () => {
  expect(await refusedBy([server, ...cluster.nodes])).toEqual([]);
});
