import type { Diagnostics, Sessions } from "@wsession/core";
import { assertNoMore, assertOptions, invalidArgument } from "@wsession/core/runtime";
import { metricDefinitions } from "./counters.ts";
import { startMetrics } from "./metrics.ts";
import { isRedisDiagnostics, type RedisStoreDiagnostics } from "./redis-metrics.ts";
import { startSpans } from "./spans.ts";

/** Options of `instrument`. */
export interface InstrumentOptions {
  /**
   * The store that `redisStore` returned. Its counters `diagnostics` are exported as the metrics `wsession.redis.*`: calls, latency,
   * timeouts, reconnects, announcements, sweeps, orphans.
   *
   * @default none: these metrics are not exported
   * @throws INVALID_ARGUMENT if the store has no `diagnostics` with the times of its calls.
   */
  readonly store?: { readonly diagnostics: RedisStoreDiagnostics } | undefined;
}

interface Entry {
  readonly diagnostics: Diagnostics;
  readonly redis: RedisStoreDiagnostics | undefined;
}

/** One entry for each `instrument` that was not stopped. The channels belong to the process, so one set of listeners serves all. */
const instrumented = new Set<Entry>();
let stopAll: (() => void) | undefined;

/**
 * Exports metrics and spans of the sessions by OpenTelemetry's global providers. Call it once, after the SDK has been started and its
 * providers are registered. Counters are sums over all instrumented sessions of the process. Durations and spans are those of all
 * sessions of the process. Returns a function that ends the export of these sessions.
 *
 * @throws INVALID_ARGUMENT if `sessions` is not what `createSessions` returned, or for an invalid option.
 * @example
 * const store = redisStore({ client });
 * const sessions = createSessions({ store });
 * const stop = instrument(sessions, { store });
 */
export function instrument(sessions: Pick<Sessions, "diagnostics">, options?: InstrumentOptions): () => void;
export function instrument(
  sessions: Pick<Sessions, "diagnostics">,
  options: InstrumentOptions = {},
  surplus?: undefined,
): () => void {
  const given: unknown = sessions;
  if (
    typeof given !== "object" ||
    given === null ||
    !("diagnostics" in given) ||
    !hasCounters(given.diagnostics)
  )
    throw invalidArgument("instrument() takes what createSessions() returned");
  assertOptions("instrument()", options, ["store"]);
  assertNoMore("instrument()", surplus);
  const { store } = options;
  if (store !== undefined) assertRedisStore(store);
  const entry = { diagnostics: sessions.diagnostics, redis: store?.diagnostics };
  instrumented.add(entry);
  stopAll ??= start();
  return () => {
    if (!instrumented.delete(entry) || instrumented.size > 0) return;
    stopAll?.();
    stopAll = undefined;
  };
}

/** Whether every metric can be read. Otherwise a metric would be NaN, without an error. */
function hasCounters(diagnostics: unknown): boolean {
  if (typeof diagnostics !== "object" || diagnostics === null) return false;
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the check of each value follows
  const counters = diagnostics as Diagnostics;
  return metricDefinitions.every(({ values }) => values(counters).every(([value]) => isNumber(value)));
}

function isNumber(value: unknown): boolean {
  return typeof value === "number" && !Number.isNaN(value);
}

/** Without this check, the metrics of Redis would be missing, or NaN, without an error for another store. */
function assertRedisStore(store: unknown): void {
  const diagnostics: unknown =
    typeof store === "object" && store !== null ? Reflect.get(store, "diagnostics") : undefined;
  if (!isRedisDiagnostics(diagnostics))
    throw invalidArgument("the option store of instrument() must be what redisStore() returned");
}

function start(): () => void {
  const stopMetrics = startMetrics(
    () => new Set([...instrumented].map(({ diagnostics }) => diagnostics)),
    () => new Set([...instrumented].flatMap(({ redis }) => redis ?? [])),
  );
  const stopSpans = startSpans();
  return () => {
    stopMetrics();
    stopSpans();
  };
}
