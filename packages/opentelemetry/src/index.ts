export { instrument } from "./instrument.ts";
export type { InstrumentOptions } from "./instrument.ts";
export type { RedisStoreDiagnostics } from "./redis-metrics.ts";
