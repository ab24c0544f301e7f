import { invalidArgument } from "@wsession/core/runtime";
import { hasMethods } from "../base/has-methods.ts";
import type { Driver } from "./driver.ts";
import { ioredisDriver, isIoredis } from "./ioredis/ioredis.ts";
import { clusterDriver, nodeRedisDriver, sentinelDriver } from "./node-redis/node-redis.ts";
import { isClusterRedis, isSentinelRedis, isServerRedis } from "./node-redis/shapes.ts";

const TAKEN =
  "a Redis or Cluster of ioredis 5.3 or newer or of iovalkey, or a client of node-redis 5 or newer (createClient, createSentinel, createCluster)";

/**
 * Throws INVALID_ARGUMENT for a client in place of the options: the client's own members would be refused as options, and that
 * error would hide the mistake. No option has the name `connect`.
 */
export function assertNoClient(where: string, options: unknown): void {
  if (typeof options === "object" && options !== null && hasMethods(options, ["connect"]))
    throw invalidArgument(`${where} takes its client as an option: ${where}({ client })`);
}

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
  if (refused !== undefined) throw invalidArgument(`redisStore: client must be ${TAKEN}, not ${refused}`);
  if (typeof client === "object" && client !== null) {
    if (isIoredis(client)) return ioredisDriver(client);
    if (isClusterRedis(client)) return clusterDriver(client);
    if (isSentinelRedis(client)) return sentinelDriver(client);
    if (isServerRedis(client)) return nodeRedisDriver(client);
  }
  throw invalidArgument(`redisStore: client must be ${TAKEN}, not another object`);
}

/** Describes, for the error message, a value that was passed in place of a client; `undefined` if the value may be a client. */
function refusedName(value: unknown): string | undefined {
  if (value === undefined || value === null) return String(value);
  if (typeof value !== "object") return `a ${typeof value}`;
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
