import type { StoreHarness } from "@wsession/conformance";
import { redisStore } from "@wsession/store-redis";
import type { Cluster, Redis } from "ioredis";
import { newPrefix } from "./stores.ts";

/**
 * The harness of Redis stores for the store suite. Each store has its own client; a case has its own prefix.
 */
export function harnessOf(connect: () => Redis | Cluster): StoreHarness {
  return {
    capabilities: { resumable: true, shared: true, values: "json", outbox: true },
    commits: true,
    presence: true,
    lifetimes: true,
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
        // The server's clock cannot be faked. A timer may fire a millisecond early, and the server rounds
        // down to whole milliseconds.
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
