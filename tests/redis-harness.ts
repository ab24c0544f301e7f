import type { StoreHarness } from "@wsession/conformance";
import { redisStore } from "@wsession/store-redis";
import type { Cluster, Redis } from "ioredis";
import { newPrefix } from "./stores.ts";

/** For the suite of every store: Redis stores on clients of their own, with the prefix of one case. */
export function harnessOf(connect: () => Redis | Cluster): StoreHarness {
  return {
    capabilities: { resumable: true, shared: true, values: "json", outbox: true },
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
