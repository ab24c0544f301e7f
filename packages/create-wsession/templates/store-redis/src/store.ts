/** Sessions live in Redis, for all processes. Set `maxmemory-policy noeviction` there. */
import { redisStore } from "@wsession/store-redis";
import { Redis } from "ioredis";

export function openStore() {
  const client = new Redis(process.env["REDIS_URL"] ?? "redis://127.0.0.1:6379");
  // Without a listener ioredis prints each failed attempt to connect. The store reports what fails for a user.
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
