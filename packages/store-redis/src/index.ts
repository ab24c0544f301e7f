export { redisStore } from "./redis-store.ts";
export type { RedisSessionStore } from "./redis-session-store.ts";
export type { RedisStoreOptions } from "./base/options.ts";
export type { RedisDiagnostics } from "./base/diagnostics.ts";
export type { RedisClient } from "./base/client.ts";
export type { WriteOutcome } from "./sessions/unknown-outcomes.ts";
