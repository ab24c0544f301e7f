export { redisStore } from "./store.ts";
export type { RedisSessionStore } from "./store.ts";
export type { RedisStoreOptions } from "./options.ts";
export type { RedisClient } from "./sender.ts";
export type { WriteOutcome } from "./unsettled.ts";
