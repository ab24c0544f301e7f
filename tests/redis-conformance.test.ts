import { testStore } from "@wsession/conformance";
import type { StoreHarness } from "@wsession/conformance";
import { redisStore } from "@wsession/store-redis";
import { Cluster, Redis } from "ioredis";
import { afterAll, beforeAll } from "vitest";
import { startCluster, startRedis } from "../packages/store-redis/test/redis-server.ts";
import type { RedisCluster, RedisServer } from "../packages/store-redis/test/redis-server.ts";
import { newPrefix } from "./stores.ts";

let server: RedisServer;
let cluster: RedisCluster;

beforeAll(async () => {
  [server, cluster] = await Promise.all([startRedis(), startCluster()]);
});

afterAll(async () => {
  await Promise.all([server?.stop(), cluster?.stop()]);
});

function harnessOf(connect: () => Redis | Cluster): StoreHarness {
  return {
    capabilities: { resumable: true, shared: true, values: "json" },
    tickMs: 100,
    open() {
      const prefix = newPrefix();
      const clients: (Redis | Cluster)[] = [];
      return {
        store() {
          const client = connect();
          clients.push(client);
          return redisStore({ client, prefix });
        },
        // The server's own clock runs: there is none to be faked. A timer may end a millisecond early, and the server's is
        // cut to whole ones.
        pass: (ms) =>
          new Promise((resolve) => {
            setTimeout(resolve, ms + 2);
          }),
        close: () => {
          for (const client of clients) client.disconnect();
        },
      };
    },
  };
}

testStore(
  "redisStore",
  harnessOf(() => new Redis(server.port, server.host)),
);

testStore(
  "redisStore on a Cluster",
  harnessOf(() => new Cluster(cluster.nodes.map(({ host, port }) => ({ host, port })))),
);
