import type { ClusterOptions, RedisOptions } from "ioredis";
import { type RedisClient, isCluster } from "../base/client.ts";

const MIN_PAUSE_MS = 25;
const MAX_PAUSE_MS = 1_000;
const MOST_DOUBLINGS = 10;
/** A Sentinel answers at once or hangs; the next one is asked then. */
const SENTINEL_MS = 500;
/** ioredis' own default for what asks a Cluster for its slots. */
const SLOTS_TIMEOUT_MS = 1_000;
/** A connection that was closed and whose peer does not answer is let go of after this long. */
const CLOSING_MS = 500;

/** Milliseconds before the next try. Random, because otherwise processes that lost one server together come back together. */
export function retryPause(times: number): number {
  const longest = Math.min(MIN_PAUSE_MS * 2 ** Math.min(times, MOST_DOUBLINGS), MAX_PAUSE_MS);
  return longest / 2 + (Math.random() * longest) / 2;
}

/** The same, or what the application's own client would wait where that is less. */
export function retryPauseOf(times: number, strategy: RedisOptions["retryStrategy"]): number {
  const given = strategy?.(times);
  return typeof given === "number" ? Math.min(given, retryPause(times)) : retryPause(times);
}

/**
 * What differs from the application's options on every connection of the store. ioredis never queues a command offline and
 * never sends one again, because otherwise a command could run long after its caller was told that it did not.
 */
export function ownOptions(client: RedisClient, handshakeMs: number): RedisOptions {
  const given: RedisOptions = isCluster(client) ? (client.options.redisOptions ?? {}) : client.options;
  const { connectionName, connectTimeout, disconnectTimeout } = given;
  return {
    autoResendUnfulfilledCommands: false,
    autoResubscribe: false,
    // A command that ioredis gives up on by itself would look like one that Redis answered with an error.
    commandTimeout: undefined,
    connectTimeout: Math.min(connectTimeout ?? handshakeMs, handshakeMs),
    connectionName: connectionName ? `${connectionName}:wsession` : "wsession",
    disconnectTimeout: Math.min(disconnectTimeout ?? CLOSING_MS, CLOSING_MS),
    enableAutoPipelining: false,
    // ioredis' check writes to the console where the ACL refuses INFO. `ServerCheck` takes its place.
    enableReadyCheck: false,
    himportFieldsets: undefined,
    keyPrefix: "",
    lazyConnect: true,
    maxRetriesPerRequest: 0,
    monitor: false,
    reconnectOnError: null,
    replyMapping: "legacy",
    role: "master",
    // Without a limit, one Sentinel that hangs would keep the others from being asked.
    sentinelCommandTimeout: SENTINEL_MS,
    sentinelRetryStrategy: retryPause,
    socketTimeout: undefined,
    stringNumbers: false,
  };
}

/** The same for a Cluster. A failed command comes back at once: the store tries again as long as a caller waits for it. */
export function ownClusterOptions({
  slotsRefreshTimeout,
}: ClusterOptions): Omit<ClusterOptions, "redisOptions"> {
  return {
    clusterNodeRetryStrategy: null,
    enableAutoPipelining: false,
    enableOfflineQueue: false,
    enableReadyCheck: false,
    himportFieldsets: undefined,
    keyPrefix: "",
    lazyConnect: true,
    retryDelayOnClusterDown: 0,
    retryDelayOnFailover: 0,
    scaleReads: "master",
    shardedSubscribers: false,
    slotsRefreshTimeout: Math.min(slotsRefreshTimeout ?? SLOTS_TIMEOUT_MS, SLOTS_TIMEOUT_MS),
  };
}
