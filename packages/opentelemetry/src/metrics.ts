/** Metrics: counters from `sessions.diagnostics`, durations from the channels, and the delay of the event loop. */
import { monitorEventLoopDelay } from "node:perf_hooks";
import { metrics } from "@opentelemetry/api";
import type { Attributes, Histogram, Meter } from "@opentelemetry/api";
import { onTelemetry } from "@wsession/core";
import type { Diagnostics } from "@wsession/core";
import { metricDefinitions } from "./counters.ts";
import { Attribute, SCOPE } from "./names.ts";
import { observe, SECOND_MS } from "./observe.ts";
import { observeRedis, type RedisStoreDiagnostics } from "./redis-metrics.ts";

const SECOND_NS = 1e9;
/** Milliseconds between two measurements of the event loop's delay. */
const RESOLUTION_MS = 10;
/** From a call of a store in memory to a slow handler, in seconds. */
const OPERATION_BUCKETS = [
  0.0001, 0.0005, 0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30,
];
/** From a failed page to a day, in seconds. */
const CONNECTION_BUCKETS = [1, 10, 60, 300, 900, 3_600, 14_400, 86_400];

/**
 * Starts all metrics. `all` returns the counters of each instrumented sessions object, `stores` those of each instrumented store in
 * Redis. Returns a function that ends them.
 */
export function startMetrics(
  all: () => Iterable<Diagnostics>,
  stores: () => Iterable<RedisStoreDiagnostics>,
): () => void {
  const meter = metrics.getMeter(SCOPE);
  const stops = [
    ...observeCounters(meter, all),
    observeRedis(meter, stores),
    ...recordDurations(meter),
    ...observeProcess(meter),
  ];
  return () => {
    for (const stop of stops) stop();
  };
}

function* observeCounters(meter: Meter, all: () => Iterable<Diagnostics>): Generator<() => void> {
  for (const { name, unit, description, mayFall = false, values } of metricDefinitions) {
    const options = { unit, description };
    const instrument = mayFall
      ? meter.createObservableUpDownCounter(name, options)
      : meter.createObservableCounter(name, options);
    yield observe(meter, [instrument], (result) => {
      const sums: [number, Attributes | undefined][] = [];
      for (const diagnostics of all())
        values(diagnostics).forEach(([value, attributes], index) => {
          sums[index] = [(sums[index]?.[0] ?? 0) + value, attributes];
        });
      for (const [sum, attributes] of sums) result.observe(instrument, sum, attributes);
    });
  }
}

function durationHistogram(
  meter: Meter,
  name: string,
  description: string,
  buckets = OPERATION_BUCKETS,
): Histogram {
  return meter.createHistogram(name, {
    unit: "s",
    description,
    advice: { explicitBucketBoundaries: buckets },
  });
}

function recordDurations(meter: Meter): (() => void)[] {
  const handshake = durationHistogram(
    meter,
    "wsession.handshake.duration",
    "From the handshake to its answer.",
  );
  const message = durationHistogram(meter, "wsession.message.duration", "The run of the handler message.");
  const transaction = durationHistogram(
    meter,
    "wsession.transaction.duration",
    "From the first run of the handler transaction to the commit.",
  );
  const write = durationHistogram(
    meter,
    "wsession.write.duration",
    "From set, patch or update to its settled promise.",
  );
  const store = durationHistogram(meter, "wsession.store.call.duration", "One call of the store.");
  const send = durationHistogram(
    meter,
    "wsession.outbox.send.duration",
    "From send to a session to the store's answer.",
  );
  const connection = durationHistogram(
    meter,
    "wsession.connection.duration",
    "How long connections were open.",
    CONNECTION_BUCKETS,
  );
  const withError = (attributes: Attributes, errorType: string | undefined): Attributes =>
    errorType === undefined ? attributes : { ...attributes, [Attribute.ErrorType]: errorType };
  return [
    onTelemetry("wsession:handshake", ({ durationMs, status, runtime, refusal }) => {
      const attributes = { [Attribute.HttpStatus]: status, [Attribute.Runtime]: runtime };
      handshake.record(durationMs / SECOND_MS, withRefusal(attributes, refusal));
    }),
    onTelemetry("wsession:message", ({ durationMs, outcome, runtime, errorType }) => {
      const attributes = { [Attribute.Outcome]: outcome, [Attribute.Runtime]: runtime };
      message.record(durationMs / SECOND_MS, withError(attributes, errorType));
    }),
    onTelemetry("wsession:transaction", ({ durationMs, outcome, runtime, errorType }) => {
      const attributes = { [Attribute.Outcome]: outcome, [Attribute.Runtime]: runtime };
      transaction.record(durationMs / SECOND_MS, withError(attributes, errorType));
    }),
    onTelemetry("wsession:write", ({ durationMs, outcome, kind, errorType }) => {
      const attributes = { [Attribute.Outcome]: outcome, [Attribute.Kind]: kind };
      write.record(durationMs / SECOND_MS, withError(attributes, errorType));
    }),
    onTelemetry("wsession:store:call", ({ durationMs, outcome, method, errorType }) => {
      const attributes = { [Attribute.Outcome]: outcome, [Attribute.Method]: method };
      store.record(durationMs / SECOND_MS, withError(attributes, errorType));
    }),
    onTelemetry("wsession:outbox:send", ({ durationMs, outcome, errorType }) => {
      send.record(durationMs / SECOND_MS, withError({ [Attribute.Outcome]: outcome }, errorType));
    }),
    onTelemetry("wsession:connection:close", ({ durationMs, code, by, runtime }) => {
      const attributes = {
        [Attribute.CloseCode]: labelOf(code, by),
        [Attribute.ClosedBy]: by,
        [Attribute.Runtime]: runtime,
      };
      connection.record(durationMs / SECOND_MS, attributes);
    }),
  ];
}

function withRefusal(attributes: Attributes, refusal: string | undefined): Attributes {
  return refusal === undefined ? attributes : { ...attributes, [Attribute.Reason]: refusal };
}

/** Returns the label of a close code. A peer may choose among thousands of codes, and each would be a series of its own for ever. */
function labelOf(code: number, by: string): string {
  return by === "server" || code < 3_000 ? `${code}` : "other";
}

function observeProcess(meter: Meter): (() => void)[] {
  const healthy = meter.createObservableGauge("wsession.store.healthy", {
    description: "1, or 0 during an outage of the store.",
  });
  let isHealthy = 1;
  const histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  histogram.enable();
  const gauge = (name: string) =>
    meter.createObservableGauge(`nodejs.eventloop.delay.${name}`, {
      unit: "s",
      description: `The delay of the event loop since the last collection: ${name}.`,
    });
  const [p50, p99, max] = [gauge("p50"), gauge("p99"), gauge("max")];
  return [
    onTelemetry("wsession:store:health", ({ ok }) => {
      isHealthy = ok ? 1 : 0;
    }),
    observe(meter, [healthy], (result) => result.observe(healthy, isHealthy)),
    observe(meter, [p50, p99, max], (result) => {
      result.observe(p50, delayOf(histogram.percentile(50)));
      result.observe(p99, delayOf(histogram.percentile(99)));
      result.observe(max, delayOf(histogram.max));
      histogram.reset();
    }),
    () => void histogram.disable(),
  ];
}

/** The histogram measures the interval of a timer, in nanoseconds. Of an empty histogram `max` is 0. */
function delayOf(measuredNs: number): number {
  return Math.max(0, measuredNs / SECOND_NS - RESOLUTION_MS / SECOND_MS);
}
