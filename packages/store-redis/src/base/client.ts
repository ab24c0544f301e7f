import type { Cluster, Redis } from "ioredis";

/** A client of ioredis: one server, Sentinel, or a Cluster. */
export type RedisClient = Redis | Cluster;

/** The `keyPrefix` option of the client, or "". */
export function clientPrefix(client: RedisClient): string {
  return client.options.keyPrefix ?? "";
}

/**
 * Checks a property rather than the class, because the application may have loaded another copy of ioredis.
 */
export function isCluster(client: RedisClient): client is Cluster {
  return client.isCluster;
}
