// `npm run test:drivers`: the suite that every store has to pass, with each client library and topology.
import { testStore } from "@wsession/conformance";
import { afterAll, beforeAll } from "vitest";
import { startCluster, startRedis, startSentinel } from "../../packages/store-redis/test/redis-server.ts";
import type {
  RedisCluster,
  RedisSentinel,
  RedisServer,
} from "../../packages/store-redis/test/redis-server.ts";
import { harnessWith } from "../redis-harness.ts";
import { libraries } from "./libraries.ts";

let server: RedisServer;
let cluster: RedisCluster;
let sentinel: RedisSentinel;

beforeAll(async () => {
  [server, cluster, sentinel] = await Promise.all([startRedis(), startCluster(), startSentinel()]);
});

afterAll(async () => {
  await Promise.all([server?.stop(), cluster?.stop(), sentinel?.stop()]);
});

for (const library of libraries) {
  testStore(
    `${library.name} on one server`,
    harnessWith(() => library.server(server)),
  );
  testStore(
    `${library.name} on a Cluster`,
    harnessWith(() => library.cluster(cluster.nodes)),
  );
  testStore(
    `${library.name} with Sentinel`,
    harnessWith(() => library.sentinel(sentinel.name, sentinel.sentinels)),
  );
}
