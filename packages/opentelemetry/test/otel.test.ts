/** Metrics and spans with OpenTelemetry's own SDK: the exporter for Prometheus is scraped over HTTP. */
import { hasSubscribers } from "node:diagnostics_channel";
import { once } from "node:events";
import { createServer } from "node:http";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { bindSessions as bindWs } from "@wsession/adapter-ws";
import { Client, until } from "@wsession/conformance";
import { createSessions, isSessionError, mapStore, queryToken } from "@wsession/core";
import { redisStore } from "@wsession/store-redis";
import { instrument } from "@wsession/opentelemetry";
import { context, metrics, propagation, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { W3CTraceContextPropagator } from "@opentelemetry/core";
import { PrometheusExporter } from "@opentelemetry/exporter-prometheus";
import { MeterProvider } from "@opentelemetry/sdk-metrics";
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
} from "@opentelemetry/sdk-trace-base";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { Redis } from "ioredis";
import { WebSocketServer } from "ws";
import { useRedisServer } from "../../store-redis/test/shared-servers.ts";

const redis = useRedisServer();
const root = join(import.meta.dirname, "..");
const exporter = new PrometheusExporter({ preventServerStart: true });
const spans = new InMemorySpanExporter();
const http = createServer((request, response) => exporter.getMetricsRequestHandler(request, response));

beforeAll(async () => {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  propagation.setGlobalPropagator(new W3CTraceContextPropagator());
  metrics.setGlobalMeterProvider(new MeterProvider({ readers: [exporter] }));
  trace.setGlobalTracerProvider(
    new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(spans)] }),
  );
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
});

afterAll(async () => {
  http.close();
  await exporter.shutdown();
  for (const api of [context, propagation, metrics, trace]) api.disable();
});

async function scrape(): Promise<string> {
  const address = http.address();
  if (typeof address !== "object" || address === null) throw new Error("not listening");
  return (await fetch(`http://127.0.0.1:${address.port}/metrics`)).text();
}

const TRACE = "0af7651916cd43dd8448eb211c80319c";

/** A server whose handler writes; one client sends one message, another one fails. */
async function run() {
  const sessions = createSessions({
    store: mapStore(),
    token: queryToken(),
    initial: () => ({ n: 0 }),
    onError: () => undefined,
  });
  const stop = instrument(sessions);
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  await once(server, "listening");
  const active: (string | undefined)[] = [];
  bindWs(server, sessions, {
    async message(connection, text) {
      if (`${text}` === "fail") throw new TypeError("error-text");
      active.push(trace.getActiveSpan()?.spanContext().traceId);
      await connection.session.update(({ n }) => ({ n: n + 1 }));
      connection.send("done");
    },
  });
  onTestFinished(async () => {
    stop();
    await sessions.close();
    await new Promise((resolve) => server.close(resolve));
  });
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("not listening");
  const url = `ws://127.0.0.1:${address.port}/`;
  const headers = { traceparent: `00-${TRACE}-b7ad6b7169203331-01`, cookie: "sid=cookie-text" };
  const client = await Client.connect(url, { headers });
  onTestFinished(() => client.socket.terminate());
  client.send("message-text");
  expect(await client.next()).toBe("done");
  const failing = await Client.connect(`${url}?token=secret-text`);
  failing.send("fail");
  await failing.closed;
  await until(() => sessions.diagnostics.connectionsClosed === 1);
  return { sessions, stop, active };
}

/** Sessions in Redis, whose store is instrumented. */
function inRedis() {
  const client = new Redis(redis.port, "127.0.0.1");
  const store = redisStore({ client, prefix: `t${(prefixes += 1)}`, timeoutMs: 10_000 });
  const sessions = createSessions({ store, token: queryToken(), initial: () => ({ n: 0 }) });
  const stop = instrument(sessions, { store });
  onTestFinished(async () => {
    stop();
    await sessions.close();
    client.disconnect();
  });
  return { store, sessions, stop };
}
let prefixes = 0;

/** The values of the metrics `wsession.redis.*`, by their names in Prometheus. */
async function redisMetrics(): Promise<Map<string, number>> {
  const lines = (await scrape()).matchAll(/^(wsession_redis_\w+)\{.*\} (\S+)$/gm);
  return new Map([...lines].map(([, name = "", value]) => [name, Number(value)]));
}

describe("metrics", () => {
  test("exported for Prometheus are those of the sessions, and none contains a secret or an id", async () => {
    const { sessions } = await run();
    const text = await scrape();
    for (const line of [
      /^wsession_connections\{.*\} 1$/m,
      /^wsession_handshakes_total\{wsession_outcome="accepted".*\} 2$/m,
      /^wsession_tokens_refused_total\{wsession_reason="malformed".*\} 1$/m,
      /^wsession_tokens_refused_total\{wsession_reason="stolen".*\} 0$/m,
      /^wsession_message_duration_count\{wsession_outcome="handled",wsession_runtime="ws".*\} 1$/m,
      /^wsession_message_duration_count\{wsession_outcome="failed",wsession_runtime="ws",error_type="TypeError".*\} 1$/m,
      /^wsession_store_call_duration_count\{wsession_outcome="answered",wsession_store_method="write".*\} 1$/m,
      /^wsession_write_duration_count\{wsession_outcome="written",wsession_write_kind="update".*\} 1$/m,
      /^wsession_connection_duration_count\{wsession_close_code="1011",wsession_close_by="server".*\} 1$/m,
      /^wsession_store_healthy\{.*\} 1$/m,
      /^nodejs_eventloop_delay_p99\{.*\} \d/m,
    ])
      expect(text).toMatch(line);
    const [connection] = sessions.connections;
    const secrets = [
      "cookie-text",
      "message-text",
      "error-text",
      "secret-text",
      connection?.session.id ?? "none",
    ];
    expect(secrets.filter((secret) => text.includes(secret))).toEqual([]);
  });

  test("refuse a third argument with INVALID_ARGUMENT", () => {
    const call: (...given: readonly unknown[]) => unknown = instrument as never;
    expect(() => call(createSessions(), {}, {})).toThrow(
      expect.objectContaining({ code: "INVALID_ARGUMENT" }),
    );
  });

  test("refuse sessions without counters with INVALID_ARGUMENT", () => {
    const refused = expect.objectContaining({ code: "INVALID_ARGUMENT" });
    const partial = { ...createSessions().diagnostics, storeLosses: undefined };
    const others = [undefined, null, 5, "x", true, Symbol("s"), [], {}, () => 1, new Map()];
    for (const diagnostics of [...others, { connectionsOpened: 1 }, partial])
      expect(() => instrument({ diagnostics } as never)).toThrow(refused);
  });

  test("refuse a store without the counters and the latency of a redisStore with INVALID_ARGUMENT", () => {
    const { diagnostics } = inRedis().store;
    const refused = expect.objectContaining({ code: "INVALID_ARGUMENT" });
    for (const latencyMs of [undefined, null, 5, "5", {}, [], { p50: 1 }, { p50: 1, p99: "2" }, new Map()])
      expect(() =>
        instrument(createSessions(), { store: { diagnostics: { ...diagnostics, latencyMs } } } as never),
      ).toThrow(refused);
    for (const calls of [undefined, null, "5", {}])
      expect(() =>
        instrument(createSessions(), { store: { diagnostics: { ...diagnostics, calls } } } as never),
      ).toThrow(refused);
  });

  test("count two sessions objects of a process together, and end with the function that instrument returned", async () => {
    const { sessions, stop } = await run();
    const stopOther = instrument(createSessions());
    const stopAgain = instrument(sessions);
    expect(await scrape()).toMatch(/^wsession_connections\{.*\} 1$/m);
    stopAgain();
    stop();
    expect(await scrape()).toMatch(/^wsession_connections\{.*\} 0$/m);
    stopOther();
    for (const name of ["wsession:message", "tracing:wsession:message:start"])
      expect(hasSubscribers(name)).toBe(false);
  });

  test("in the alert rules and in the dashboard are all exported", async () => {
    await run();
    inRedis();
    const exported = new Set([...(await scrape()).matchAll(/^# TYPE (\w+)/gm)].map(([, name]) => name));
    for (const file of ["alerts.yml", "dashboard.json"]) {
      const text = await readFile(join(root, "grafana", file), "utf8");
      const used = [...text.matchAll(/\b(?:wsession|nodejs)_[a-z0-9_]+(?=[{[)\s\\])/g)].map(([name]) => name);
      const names = used.filter(
        (name) => !/^wsession_(outcome|reason|store_method|close_code|runtime)$/.test(name),
      );
      expect(names.length).toBeGreaterThan(5);
      expect(names.filter((name) => !exported.has(name.replace(/_(bucket|count|sum)$/, "")))).toEqual([]);
    }
  });
});

describe("metrics of redisStore", () => {
  test("are the sums of the diagnostics over the stores, and the latency of the slowest store", async () => {
    const one = inRedis();
    const two = inRedis();
    for (const { sessions } of [one, two]) {
      const { session } = await sessions.create({ n: 1 });
      await session.patch({ n: 2 });
    }
    // Wait until no call is in progress: a store calls Redis for its lease too.
    await until(() => [one, two].every(({ store }) => store.diagnostics.calls > 3));
    const before = [one, two].map(({ store }) => ({ ...store.diagnostics }));
    const found = await redisMetrics();
    const after = [one, two].map(({ store }) => ({ ...store.diagnostics }));
    const sum = (list: typeof before, member: "calls" | "announcementsSent") =>
      list.reduce((total, diagnostics) => total + diagnostics[member], 0);
    expect(found.get("wsession_redis_calls_total")).toBeGreaterThanOrEqual(sum(before, "calls"));
    expect(found.get("wsession_redis_calls_total")).toBeLessThanOrEqual(sum(after, "calls"));
    expect(found.get("wsession_redis_latency_p99")).toBeGreaterThan(0);
    const slowest = Math.max(...after.map(({ latencyMs }) => latencyMs.p99)) / 1_000;
    expect(found.get("wsession_redis_latency_p99")).toBeLessThanOrEqual(2 * slowest);
    // One metric for each counter of the store.
    expect(found.size).toBe(Object.keys(one.store.diagnostics).length + 1);
    for (const [name, value] of found) expect([name, value >= 0]).toEqual([name, true]);
    one.stop();
    two.stop();
    // The exporter repeats the last values of metrics that are not observed any more.
    const last = await redisMetrics();
    await one.sessions.create({ n: 1 });
    expect(await redisMetrics()).toEqual(last);
  });

  test("need the option store, and a store without diagnostics is refused", async () => {
    const { sessions } = await run();
    for (const options of [{ store: mapStore() }, { store: {} }, { store: null }, { stores: 1 }, 5, null]) {
      let thrown: unknown;
      try {
        Reflect.apply(instrument, undefined, [sessions, options]);
      } catch (error) {
        thrown = error;
      }
      expect(isSessionError(thrown, "INVALID_ARGUMENT")).toBe(true);
    }
  });
});

test("one trace goes from the proxy to the handshake, the message, its write and the call of the store", async () => {
  spans.reset();
  const { active } = await run();
  await until(() => spans.getFinishedSpans().some(({ name }) => name === "wsession.message"));
  const ended = spans.getFinishedSpans();
  const ofTrace = ended.filter((span) => span.spanContext().traceId === TRACE);
  const path: string[] = [];
  let span = ofTrace.find(({ name }) => name === "wsession.store write");
  while (span !== undefined) {
    path.unshift(span.name);
    const parent: string | undefined = span.parentSpanContext?.spanId;
    span = ofTrace.find((one) => one.spanContext().spanId === parent);
  }
  expect(path).toEqual(["wsession.handshake", "wsession.message", "wsession.update", "wsession.store write"]);
  expect(active).toEqual([TRACE]);
  const handshake = ofTrace.find(({ name }) => name === "wsession.handshake");
  expect(handshake).toMatchObject({
    kind: SpanKind.SERVER,
    parentSpanContext: { spanId: "b7ad6b7169203331" },
    attributes: { "http.request.method": "GET", "http.response.status_code": 101 },
  });
  const failed = ended.find(
    ({ name, status }) => name === "wsession.message" && status.code === SpanStatusCode.ERROR,
  );
  expect(failed?.attributes).toMatchObject({
    "error.type": "TypeError",
    "messaging.operation.type": "process",
  });
  const text = JSON.stringify(ended.map(({ name, attributes, events }) => ({ name, attributes, events })));
  for (const secret of ["cookie-text", "message-text", "error-text", "secret-text"])
    expect(text).not.toContain(secret);
});

test("instrument refuses an object that is not sessions", () => {
  for (const wrong of [undefined, null, 5, "sessions", {}, () => undefined]) {
    let thrown: unknown;
    try {
      Reflect.apply(instrument, undefined, [wrong]);
    } catch (error) {
      thrown = error;
    }
    expect(isSessionError(thrown, "INVALID_ARGUMENT")).toBe(true);
  }
});
