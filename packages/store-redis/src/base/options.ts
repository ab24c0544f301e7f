import { assertFunction, assertOptions, assertString, invalidArgument, shown } from "@wsession/core/runtime";
import { type RedisClient, isCluster } from "./client.ts";

export interface RedisStoreOptions {
  /**
   * The application's own ioredis client: standalone, Sentinel or Cluster, and not one that reads from replicas. The store
   * makes two connections of its own like it (on a Cluster one to each master, and one), for commands and for announcements.
   * It leaves the client as it is, at `close()` too, and ends its own connections when the client is closed.
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
  /**
   * Whether to use a server that evicts keys when its memory is full. Sessions then vanish before their time, and so may what
   * keeps a destroyed one away. Without it calls reject with STORE_UNAVAILABLE until `maxmemory-policy` is `noeviction`.
   *
   * @default false
   */
  readonly allowEviction?: boolean | undefined;
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
  readonly allowEviction: boolean;
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
    "duplicate" in value &&
    typeof value.duplicate === "function" &&
    "isCluster" in value &&
    typeof value.isCluster === "boolean" &&
    "status" in value &&
    typeof value.status === "string" &&
    "options" in value &&
    typeof value.options === "object" &&
    value.options !== null
  );
}

/** What was handed over instead of a client of ioredis, in words. */
function nameOf(value: unknown): string {
  if (typeof value !== "object" || value === null) return value === null ? "null" : `a ${typeof value}`;
  const isNodeRedis = "sendCommand" in value && ("isOpen" in value || "nodes" in value || "masters" in value);
  if (isNodeRedis) return 'a client of node-redis (the package "redis"): make one with ioredis';
  const isPipeline = "exec" in value && "sendCommand" in value;
  return isPipeline ? "a pipeline or transaction" : "another object";
}

/** The client, where it is one that the store can use. Throws INVALID_ARGUMENT. */
export function readClient(options: unknown): RedisClient {
  const client: unknown =
    typeof options === "object" && options !== null && "client" in options ? options.client : undefined;
  if (!isClient(client)) throw invalid(`client is a Redis or Cluster of ioredis 6, not ${nameOf(client)}`);
  assertReadsFromMasters(client);
  return client;
}

/** A read that a replica answers may lack what was acknowledged (I7), and have what is missing taken for gone. */
function assertReadsFromMasters(client: RedisClient): void {
  const behind = "and replicas may not have yet what was acknowledged";
  if (isCluster(client)) {
    if ((client.options.scaleReads ?? "master") !== "master")
      throw invalid(`the client's scaleReads is not "master", ${behind}`);
    return;
  }
  if ((client.options.role ?? "master") !== "master")
    throw invalid(`the client's role is "slave", ${behind}`);
  if (client.options.readOnly === true) throw invalid(`the client is readOnly, ${behind}`);
  if (client.options.monitor === true) throw invalid("the client is a monitor, which sends no commands");
}

function invalid(message: string): Error {
  return invalidArgument(`redisStore: ${message}`);
}

const NAMES: readonly string[] = [
  "client",
  "prefix",
  "timeoutMs",
  "maxBytes",
  "leaseMs",
  "sweepMs",
  "confirmMs",
  "allowEviction",
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
    allowEviction: flag("allowEviction", options.allowEviction),
    tombstoneMs: Math.ceil(Math.max(60_000, 10 * timeoutMs, 3 * sweepMs)),
  };
}

function positive(name: string, value: unknown, fallback: number): number {
  if (value === undefined) return fallback;
  if (typeof value === "number" && Number.isInteger(value) && value > 0 && value < 2 ** 31) return value;
  throw invalidArgument(`redisStore: ${name} is a whole number above 0, not ${shown(value)}`);
}

function flag(name: string, value: unknown): boolean {
  if (value === undefined) return false;
  if (typeof value === "boolean") return value;
  throw invalid(`${name} is true or false, not ${shown(value)}`);
}
