import { invalidArgument } from "@wsession/core/runtime";
import type { Driver } from "./driver.ts";
import { ioredisDriver, isIoredis } from "./ioredis/ioredis.ts";
import { clusterDriver, nodeRedisDriver, sentinelDriver } from "./node-redis/node-redis.ts";
import { hasMethods, isClusterRedis, isSentinelRedis, isServerRedis } from "./node-redis/shapes.ts";

const TAKEN =
  "a Redis or Cluster of ioredis 5.3 or newer or of iovalkey, or a client of node-redis 5 or newer (createClient, createSentinel, createCluster)";

/**
 * Detects the library of the client in the options. Checks properties rather than classes, because the application may have any
 * copy of a library.
 *
 * @throws INVALID_ARGUMENT for a client of another library, and for one that the store cannot use.
 */
export function driverOf(options: unknown): Driver {
  const client: unknown =
    typeof options === "object" && options !== null && "client" in options ? options.client : undefined;
  const refused = refusedName(client);
  if (refused !== undefined) throw invalidArgument(`redisStore: client is ${TAKEN}, not ${refused}`);
  if (typeof client === "object" && client !== null) {
    if (isIoredis(client)) return ioredisDriver(client);
    if (isClusterRedis(client)) return clusterDriver(client);
    if (isSentinelRedis(client)) return sentinelDriver(client);
    if (isServerRedis(client)) return nodeRedisDriver(client);
  }
  throw invalidArgument(`redisStore: client is ${TAKEN}, not another object`);
}

/** Describes, for the error message, a value that was passed in place of a client; `undefined` if the value may be a client. */
function refusedName(value: unknown): string | undefined {
  if (typeof value !== "object" || value === null) return value === null ? "null" : `a ${typeof value}`;
  if (hasMethods(value, ["exec"]) && !hasMethods(value, ["connect"])) return "a pipeline or transaction";
  const sends = hasMethods(value, ["sendCommand"]);
  if ("isCluster" in value && sends)
    return hasMethods(value, ["ssubscribe"]) ? undefined : "a client of an ioredis before 5.3";
  if (hasMethods(value, ["customCommand"])) return "a client of valkey-glide";
  if ("isOpen" in value && "idleClients" in value) return "a pool of node-redis (createClientPool)";
  if ("isOpen" in value && sends && !hasMethods(value, ["destroy"])) return "a client of node-redis 4";
  if ("connected" in value && hasMethods(value, ["send", "duplicate"])) return "a RedisClient of Bun";
  return undefined;
}
