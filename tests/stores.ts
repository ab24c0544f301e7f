import { inConnectionStore, mapStore } from "@wsession/core";
import type { SessionStore } from "@wsession/core";
import { redisStore } from "@wsession/store-redis";
import type { RedisStoreOptions } from "@wsession/store-redis";
import { Redis } from "ioredis";
import type { Cluster } from "ioredis";
import { onTestFinished } from "vitest";

export type StoreName = "in-connection" | "map" | "redis";

export const storeNames: readonly StoreName[] = ["in-connection", "map", "redis"];

/**
 * How long a store waits for Redis unless its test says otherwise. With the default of two seconds a call fails if a busy machine
 * stalls the test or the server.
 */
export const PATIENCE_MS = 10_000;

let prefixes = 0;

/** A new key prefix for each test. */
export function newPrefix(): string {
  return `t${process.pid}-${(prefixes += 1)}`;
}

/** A client that is closed when the test ends. */
export function redisClient(port: number): Redis {
  const client = new Redis(port, "127.0.0.1");
  disposeOf(client);
  return client;
}

/**
 * Closes the client when the test ends, and silences its errors: the store reports them, and ioredis would
 * print them.
 */
export function disposeOf(client: Redis | Cluster): void {
  client.on("error", () => undefined);
  onTestFinished(() => client.disconnect());
}

/** Creates an empty store of this kind; `port` is the port of Redis. */
export function openStore(
  name: StoreName,
  port: number,
  options: Omit<RedisStoreOptions, "client"> = {},
): SessionStore {
  switch (name) {
    case "in-connection":
      return inConnectionStore();
    case "map":
      return mapStore();
    case "redis":
      return redisStore({
        client: redisClient(port),
        prefix: newPrefix(),
        timeoutMs: PATIENCE_MS,
        ...options,
      });
  }
}
