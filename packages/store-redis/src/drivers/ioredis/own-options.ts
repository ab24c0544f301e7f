import type { ClusterOptions, RedisOptions } from "ioredis";
import { retryPause } from "../../base/retry-pause.ts";

/**
 * The time limit for one Sentinel. It answers at once or not at all; after the limit the next one is asked.
 */
const SENTINEL_MS = 500;
/** The default of ioredis for the slot table request. */
const SLOTS_TIMEOUT_MS = 1_000;
/** A closed connection whose peer does not respond is dropped after this time. */
const CLOSING_MS = 500;

/** The pause before the next attempt, or the delay of the application's own strategy if that is shorter. */
export function retryPauseOf(times: number, strategy: RedisOptions["retryStrategy"]): number {
  const given = strategy?.(times);
  return typeof given === "number" ? Math.min(given, retryPause(times)) : retryPause(times);
}

/**
 * The options that override the application's on every connection of the store. ioredis must not queue commands offline or send
 * them again. Otherwise a command could run long after its caller got the error that it did not run.
 */
export function ownOptions(given: RedisOptions, handshakeMs: number): RedisOptions {
  const { connectionName, connectTimeout, disconnectTimeout } = given;
  return {
    autoResendUnfulfilledCommands: false,
    autoResubscribe: false,
    // A command that timed out inside ioredis would look like an error reply of Redis.
    commandTimeout: undefined,
    connectTimeout: Math.min(connectTimeout ?? handshakeMs, handshakeMs),
    connectionName: connectionName ? `${connectionName}:wsession` : "wsession",
    disconnectTimeout: Math.min(disconnectTimeout ?? CLOSING_MS, CLOSING_MS),
    enableAutoPipelining: false,
    // The check of ioredis writes to the console if the ACL refuses INFO. `ServerCheck` replaces it.
    enableReadyCheck: false,
    himportFieldsets: undefined,
    keyPrefix: "",
    lazyConnect: true,
    maxRetriesPerRequest: 0,
    monitor: false,
    reconnectOnError: null,
    replyMapping: "legacy",
    role: "master",
    // Without a limit, one Sentinel that hangs would prevent the others from being asked.
    sentinelCommandTimeout: SENTINEL_MS,
    socketTimeout: undefined,
    stringNumbers: false,
  };
}

/** The options that an application may change on its own client at run time: a password, a certificate. */
export type Credentials = Pick<
  RedisOptions,
  "username" | "password" | "tls" | "sentinelUsername" | "sentinelPassword" | "sentinelTLS"
>;

/** The credentials for the next connection. */
export function credentialsOf(given: RedisOptions): Credentials {
  const { username, password, tls, sentinelUsername, sentinelPassword, sentinelTLS } = given;
  return { username, password, tls, sentinelUsername, sentinelPassword, sentinelTLS };
}

/** Whether the application has changed its credentials. The values are compared by identity. */
export function areOther(some: Credentials, others: Credentials): boolean {
  return some.username !== others.username || some.password !== others.password || some.tls !== others.tls;
}

/**
 * The same for a Cluster. Failed commands are returned at once, because `Calls` repeats them while their
 * caller waits.
 */
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
