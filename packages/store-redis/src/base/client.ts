import type { Cluster, Redis } from "ioredis";

/** What ioredis connects with: one server, Sentinel, or a Cluster. */
export type RedisClient = Redis | Cluster;

/** What the client's options put before every key. */
export function clientPrefix(client: RedisClient): string {
  return client.options.keyPrefix ?? "";
}

/** Not by class: the application may have another copy of ioredis. */
export function isCluster(client: RedisClient): client is Cluster {
  return client.isCluster;
}
