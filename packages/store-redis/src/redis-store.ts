import { assertNoMore } from "@wsession/core/runtime";
import type { RedisStoreOptions } from "./base/options.ts";
import type { RedisSessionStore } from "./redis-session-store.ts";
import { RedisStore } from "./store.ts";

/**
 * Creates a store that keeps sessions in Redis 6.2 or newer, shared by any number of processes. Standalone
 * Redis, Sentinel and Cluster are supported. Session data is limited to what JSON can represent. One store
 * serves one `createSessions`.
 *
 * @throws INVALID_ARGUMENT for a missing, misspelt or invalid option.
 * @example
 * ```ts
 * const client = new Redis("redis://127.0.0.1:6379");
 * const sessions = createSessions({ store: redisStore({ client }), initial: () => ({ count: 0 }) });
 * ```
 */
export function redisStore(options: RedisStoreOptions): RedisSessionStore;
export function redisStore(options: RedisStoreOptions, surplus?: undefined): RedisSessionStore {
  assertNoMore("redisStore()", surplus);
  return new RedisStore(options);
}
