import {
  assertBoolean,
  assertFunction,
  assertOptions,
  assertString,
  invalidArgument,
  shown,
} from "@wsession/core/runtime";
import type { RedisClient } from "./client.ts";

/** The options of `redisStore`. */
export interface RedisStoreOptions {
  /**
   * The application's client of ioredis (5.3 or newer), iovalkey or node-redis (5 or newer): for one server, Sentinel or a
   * Cluster, and not one that reads from replicas. The store detects the library of the client. The store opens connections of
   * its own with the same options: one for commands and one for announcements. On a Cluster it opens one to each primary for
   * commands, one for announcements, and with Redis 7 one more to each primary for sharded announcements. The store never changes
   * or closes the client, and closes its own connections when the client is closed.
   */
  readonly client: RedisClient;
  /**
   * Prefix of every key and channel: 1 to 64 letters, digits or any of `_ . : -`.
   *
   * @default "ws"
   */
  readonly prefix?: string | undefined;
  /**
   * How long one call may take, in milliseconds. A call that timed out is not applied after that time either, by the server's
   * clock.
   *
   * @default 2_000
   */
  readonly timeoutMs?: number | undefined;
  /**
   * The largest size of a session's data as JSON, in bytes. A write beyond it rejects with TOO_LARGE.
   *
   * @default 65_536
   */
  readonly maxBytes?: number | undefined;
  /**
   * How long a process counts as alive without renewing its lease, in milliseconds. The process renews the lease three times in
   * that span.
   *
   * @default 15_000
   */
  readonly leaseMs?: number | undefined;
  /**
   * The longest time, in milliseconds, until this process begins to read a change whose announcement was lost together with a
   * connection, a lease or a process. If an announcement was lost without such a failure, this time is up to ten times as long.
   *
   * @default 30_000
   */
  readonly sweepMs?: number | undefined;
  /**
   * How long a destruction waits for other processes to confirm which connections they closed, in
   * milliseconds.
   *
   * @default 1_000
   */
  readonly confirmMs?: number | undefined;
  /**
   * Whether to accept a server that evicts keys when its memory is full. Eviction can end sessions early, and
   * can remove the tombstones that keep a destroyed session away. Without this option calls reject with
   * STORE_UNAVAILABLE until `maxmemory-policy` is `noeviction`.
   *
   * @default false
   */
  readonly allowEviction?: boolean | undefined;
  /**
   * A readable name of this process, such as `"web-1"`: 1 to 64 letters, digits or any of `_ . : -`. `presence`,
   * `presenceOfSubject` and the reports of destructions use this name for the process. Two processes may have the same name.
   *
   * @default a random name, new at each start
   */
  readonly node?: string | undefined;
  /**
   * Called with errors of background work, which no caller awaits. An error of the callback is ignored, also the
   * rejection of a promise that it returns.
   *
   * @default the `onError` of `createSessions`
   */
  readonly onError?: ((error: unknown) => void) | undefined;
}

export interface Settings {
  readonly prefix: string;
  readonly node: string | undefined;
  readonly timeoutMs: number;
  readonly maxBytes: number;
  readonly leaseMs: number;
  readonly sweepMs: number;
  readonly confirmMs: number;
  readonly allowEviction: boolean;
  /**
   * How long a tombstone is kept. It is longer than any not-after time and than a sweep, so that a process that was cut off for a
   * while finds that the session was destroyed, and did not expire.
   */
  readonly tombstoneMs: number;
}

const NODE = /^[A-Za-z0-9_.:-]{1,64}$/;

const NAMES: readonly string[] = [
  "client",
  "prefix",
  "timeoutMs",
  "maxBytes",
  "leaseMs",
  "sweepMs",
  "confirmMs",
  "allowEviction",
  "node",
  "onError",
] satisfies readonly (keyof RedisStoreOptions)[];

/**
 * Checks the options and fills in the defaults.
 *
 * @throws INVALID_ARGUMENT for an invalid value or an unknown name.
 */
export function readSettings(options: RedisStoreOptions): Settings {
  assertOptions("redisStore", options, NAMES);
  const { prefix = "ws", node, onError, allowEviction = false } = options;
  assertString("redisStore: prefix", prefix);
  if (node !== undefined) {
    assertString("redisStore: node", node);
    if (!NODE.test(node))
      throw invalidArgument("redisStore: node must be 1 to 64 letters, digits or any of _ . : -");
  }
  if (onError !== undefined) assertFunction("redisStore: onError", onError);
  assertBoolean("redisStore: allowEviction", allowEviction);
  const timeoutMs = positive("timeoutMs", options.timeoutMs, 2_000);
  const sweepMs = positive("sweepMs", options.sweepMs, 30_000);
  return {
    prefix,
    node,
    timeoutMs,
    maxBytes: positive("maxBytes", options.maxBytes, 65_536),
    leaseMs: positive("leaseMs", options.leaseMs, 15_000),
    sweepMs,
    confirmMs: positive("confirmMs", options.confirmMs, 1_000),
    allowEviction,
    tombstoneMs: Math.ceil(Math.max(60_000, 10 * timeoutMs, 3 * sweepMs)),
  };
}

function positive(name: string, value: unknown, fallback: number): number {
  if (value === undefined) return fallback;
  if (typeof value === "number" && Number.isInteger(value) && value > 0 && value < 2 ** 31) return value;
  throw invalidArgument(`redisStore: ${name} must be a whole number from 1 to 2^31-1, not ${shown(value)}`);
}
