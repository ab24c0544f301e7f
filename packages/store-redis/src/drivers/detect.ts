import { invalidArgument } from "@wsession/core/runtime";
import type { Driver } from "./driver.ts";
import { ioredisDriver, isIoredis } from "./ioredis/ioredis.ts";

const TAKEN = "a Redis or Cluster of ioredis (5.3 or newer) or iovalkey";

/**
 * Finds out which library the client in the options is from.
 *
 * @throws INVALID_ARGUMENT for a client of another library, and for one that the store cannot use.
 */
export function driverOf(options: unknown): Driver {
  const client: unknown =
    typeof options === "object" && options !== null && "client" in options ? options.client : undefined;
  if (typeof client === "object" && client !== null && isIoredis(client)) return ioredisDriver(client);
  throw invalidArgument(`redisStore: client is ${TAKEN}, not ${nameOf(client)}`);
}

/** Describes what was passed in place of a client, for the error message. */
function nameOf(value: unknown): string {
  if (typeof value !== "object" || value === null) return value === null ? "null" : `a ${typeof value}`;
  const isNodeRedis = "sendCommand" in value && ("isOpen" in value || "nodes" in value || "masters" in value);
  if (isNodeRedis) return 'a client of node-redis (the package "redis")';
  const isPipeline = "exec" in value && "sendCommand" in value;
  return isPipeline ? "a pipeline or transaction" : "another object";
}
