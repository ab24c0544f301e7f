import { assertFunction, assertOptions, assertString, invalidArgument, shown } from "@wsession/core/runtime";
import { type RedisClient, isCluster } from "./sender.ts";

export interface RedisStoreOptions {
  /**
   * The application's own ioredis client: standalone, Sentinel or Cluster (not one that reads from replicas). The store adds
   * a connection for announcements, made like it, and leaves the client as it is, at `close()` too.
   */
  readonly client: RedisClient;
  /** Before every key and channel; 1 to 64 letters, digits or any of `_ . : -`. Default `"ws"`. */
  readonly prefix?: string | undefined;
  /** How long a call may take, milliseconds; its effect does not come later either, by the server's clock. Default 2,000. */
  readonly timeoutMs?: number | undefined;
  /** Most that a session's data may take as JSON, bytes; a write past it rejects with TOO_LARGE. Default 65,536. */
  readonly maxBytes?: number | undefined;
  /** How long a process counts as alive without a sign, milliseconds; renewed in a third of it. Default 15,000. */
  readonly leaseMs?: number | undefined;
  /**
   * Within what time an announcement is made up for that was lost with a connection, a lease or a process, milliseconds, beside the
   * call's own time. One that was lost though nothing broke takes up to ten times as long. Default 30,000.
   */
  readonly sweepMs?: number | undefined;
  /** How long a destruction waits for other processes to say what they closed, milliseconds. Default 1,000. */
  readonly confirmMs?: number | undefined;
  /** Called with failures that no caller waits for, instead of `createSessions`' own `onError`. A throw is ignored. */
  readonly onError?: ((error: unknown) => void) | undefined;
}

export interface Settings {
  readonly prefix: string;
  readonly timeoutMs: number;
  readonly maxBytes: number;
  readonly leaseMs: number;
  readonly sweepMs: number;
  readonly confirmMs: number;
  /** Longer than any not-after, and than a sweep: who was away for a while is told that it was destroyed, not that it expired. */
  readonly tombstoneMs: number;
}

/** Not by class: the application may have another copy of ioredis. */
function isClient(value: unknown): value is RedisClient {
  return (
    typeof value === "object" &&
    value !== null &&
    "sendCommand" in value &&
    typeof value.sendCommand === "function" &&
    "options" in value
  );
}

/** The client, where it is one. Throws INVALID_ARGUMENT. */
export function readClient(options: unknown): RedisClient {
  const client: unknown =
    typeof options === "object" && options !== null && "client" in options ? options.client : undefined;
  if (!isClient(client)) throw invalidArgument("redisStore: client is a Redis or Cluster of ioredis");
  assertReadsFromMasters(client);
  return client;
}

/** A read that a replica answers may lack what was acknowledged (I7), and have what is missing taken for gone. */
function assertReadsFromMasters(client: RedisClient): void {
  if (!isCluster(client) || (client.options.scaleReads ?? "master") === "master") return;
  throw invalidArgument(
    'redisStore: the client\'s scaleReads is not "master", and replicas may not have yet what was acknowledged',
  );
}

const NAMES: readonly string[] = [
  "client",
  "prefix",
  "timeoutMs",
  "maxBytes",
  "leaseMs",
  "sweepMs",
  "confirmMs",
  "onError",
] satisfies readonly (keyof RedisStoreOptions)[];

/** Throws INVALID_ARGUMENT, for a misspelt name too. */
export function readSettings(options: RedisStoreOptions): Settings {
  assertOptions("redisStore", options, NAMES);
  const { prefix = "ws", onError } = options;
  assertString("redisStore: prefix", prefix);
  if (onError !== undefined) assertFunction("redisStore: onError", onError);
  const timeoutMs = positive("timeoutMs", options.timeoutMs, 2_000);
  const sweepMs = positive("sweepMs", options.sweepMs, 30_000);
  return {
    prefix,
    timeoutMs,
    maxBytes: positive("maxBytes", options.maxBytes, 65_536),
    leaseMs: positive("leaseMs", options.leaseMs, 15_000),
    sweepMs,
    confirmMs: positive("confirmMs", options.confirmMs, 1_000),
    tombstoneMs: Math.ceil(Math.max(60_000, 10 * timeoutMs, 3 * sweepMs)),
  };
}

function positive(name: string, value: unknown, fallback: number): number {
  if (value === undefined) return fallback;
  if (typeof value === "number" && Number.isInteger(value) && value > 0 && value < 2 ** 31) return value;
  throw invalidArgument(`redisStore: ${name} is a whole number above 0, not ${shown(value)}`);
}
