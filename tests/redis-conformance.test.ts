import { testStore } from "@wsession/conformance";
import type { StoreHarness } from "@wsession/conformance";
import { redisStore } from "@wsession/store-redis";
import { Redis } from "ioredis";
import { afterAll, beforeAll } from "vitest";
import { startRedis } from "../packages/store-redis/test/redis-server.ts";
import type { RedisServer } from "../packages/store-redis/test/redis-server.ts";

let server: RedisServer;

beforeAll(async () => {
  server = await startRedis();
});

afterAll(() => server?.stop());

let places = 0;

const harness: StoreHarness = {
  capabilities: { resumable: true, shared: true, values: "json" },
  tickMs: 100,
  open() {
    const prefix = `place${(places += 1)}`;
    const clients: Redis[] = [];
    return {
      store() {
        const client = new Redis(server.port, server.host);
        clients.push(client);
        return redisStore({ client, prefix });
      },
      // The server's own clock runs: there is none to be faked.
      pass: (ms) => new Promise((resolve) => void setTimeout(resolve, ms)),
      close: () => {
        for (const client of clients) client.disconnect();
      },
    };
  },
};

testStore("redisStore", harness);
