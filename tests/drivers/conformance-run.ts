// `npm run test:drivers`: the suite that every store has to pass, with each client library and topology.
import { testStore } from "@wsession/conformance";
import { afterAll, beforeAll } from "vitest";
import { startRedis } from "../../packages/store-redis/test/redis-server.ts";
import type { RedisServer } from "../../packages/store-redis/test/redis-server.ts";
import { harnessWith } from "../redis-harness.ts";
import { libraries } from "./libraries.ts";

let server: RedisServer;

beforeAll(async () => {
  server = await startRedis();
});

afterAll(() => server?.stop());

for (const library of libraries)
  testStore(
    `redisStore with ${library.name}`,
    harnessWith(() => library.server(server)),
  );
