import { inConnectionStore, mapStore } from "@wsession/core";
import type { SessionStore } from "@wsession/core";
import { redisStore } from "@wsession/store-redis";
import type { RedisStoreOptions } from "@wsession/store-redis";
import { Redis } from "ioredis";
import type { Cluster } from "ioredis";
import { onTestFinished } from "vitest";

export type StoreName = "in-connection" | "map" | "redis";

export const storeNames: readonly StoreName[] = ["in-connection", "map", "redis"];

let prefixes = 0;

/** Keys of their own for every test. */
export function newPrefix(): string {
  return `t${process.pid}-${(prefixes += 1)}`;
}

/** A client that is gone when the test is. */
export function redisClient(port: number): Redis {
  const client = new Redis(port, "127.0.0.1");
  disposeOf(client);
  return client;
}

/** The store speaks of what it can't reach; the client would, to the console. */
export function disposeOf(client: Redis | Cluster): void {
  client.on("error", () => undefined);
  onTestFinished(() => client.disconnect());
}

/** A store of this kind, empty; `port` is where Redis is. */
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
      return redisStore({ client: redisClient(port), prefix: newPrefix(), ...options });
  }
}
