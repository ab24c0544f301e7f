import type { Diagnostics, Sessions } from "@wsession/core";
import { assertNoMore, invalidArgument } from "@wsession/core/runtime";
import { startMetrics } from "./metrics.ts";
import { startSpans } from "./spans.ts";

/** One entry for each call of `instrument` that has not ended. The channels are the process's, so one set of listeners serves all. */
const instrumented = new Set<{ readonly diagnostics: Diagnostics }>();
let stopAll: (() => void) | undefined;

/**
 * Exports metrics and spans of the sessions by OpenTelemetry's global providers. Call it once, after the SDK has been started and its
 * providers are registered. Counters are sums over all instrumented sessions of the process. Durations and spans are those of all
 * sessions of the process. Returns a function that ends the export of these sessions.
 *
 * @throws INVALID_ARGUMENT if `sessions` is not what `createSessions` returned.
 * @example
 * const stop = instrument(sessions);
 */
export function instrument(sessions: Pick<Sessions, "diagnostics">, surplus?: undefined): () => void {
  const given: unknown = sessions;
  if (typeof given !== "object" || given === null || !("diagnostics" in given))
    throw invalidArgument("instrument() takes what createSessions() returned");
  assertNoMore("instrument()", surplus);
  const entry = { diagnostics: sessions.diagnostics };
  instrumented.add(entry);
  stopAll ??= start();
  return () => {
    if (!instrumented.delete(entry) || instrumented.size > 0) return;
    stopAll?.();
    stopAll = undefined;
  };
}

function start(): () => void {
  const stopMetrics = startMetrics(() => new Set([...instrumented].map(({ diagnostics }) => diagnostics)));
  const stopSpans = startSpans();
  return () => {
    stopMetrics();
    stopSpans();
  };
}
