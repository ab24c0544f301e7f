export { redisStore } from "./store.ts";
export type { RedisSessionStore } from "./store.ts";
export type { RedisStoreOptions } from "./options.ts";
export type { RedisClient } from "./client.ts";
export type { WriteOutcome } from "./unsettled.ts";
