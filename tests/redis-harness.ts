import type { StoreHarness } from "@wsession/conformance";
import { type RedisClient, redisStore } from "@wsession/store-redis";
import type { Cluster, Redis } from "ioredis";
import { newPrefix, PATIENCE_MS } from "./stores.ts";

interface Opened {
  readonly client: RedisClient;
  /** If this promise is given, the store waits for it. */
  readonly connected?: Promise<unknown>;
  close(): void;
}

/** As `harnessWith`, for clients of ioredis. */
export function harnessOf(connect: () => Redis | Cluster): StoreHarness {
  return harnessWith(() => {
    const client = connect();
    return { client, close: () => client.disconnect() };
  });
}

/**
 * The harness of Redis stores for the store suite. Each store has its own client; a case has its own prefix.
 */
export function harnessWith(connect: () => Opened): StoreHarness {
  return {
    capabilities: { resumable: true, shared: true, values: "json", outbox: true },
    commits: true,
    presence: true,
    lifetimes: true,
    health: true,
    // A case has to run again if a busy machine delays its steps by half a tick.
    tickMs: 200,
    open() {
      const prefix = newPrefix();
      const closing: (() => void)[] = [];
      return {
        async store() {
          const { client, connected, close } = connect();
          closing.push(close);
          await connected;
          return redisStore({ client, prefix, timeoutMs: PATIENCE_MS });
        },
        // The server's clock cannot be faked. A timer may fire a millisecond early, and the server rounds
        // down to whole milliseconds.
        pass: (ms) =>
          new Promise((resolve) => {
            setTimeout(resolve, ms + 2);
          }),
        close: () => {
          for (const close of closing) close();
        },
      };
    },
  };
}
