/** The store in Redis, which all processes share. Set `maxmemory-policy noeviction` in Redis, so that it drops no session. */
import { redisStore } from "@wsession/store-redis";
import { Redis } from "ioredis";

export function openStore() {
  const client = new Redis(process.env["REDIS_URL"] ?? "redis://127.0.0.1:6379");
  // Without a listener ioredis prints each failed attempt to connect. The store reports calls that fail.
  client.on("error", () => {});
  const store = redisStore({ client });
  return {
    store,
    async close(): Promise<void> {
      client.disconnect();
    },
  };
}

export type Store = ReturnType<typeof openStore>["store"];
