/** What the package really exports, after traffic that gives each metric each of its attributes. */
import { once } from "node:events";
import { createServer } from "node:http";
import { bindSessions as bindWs } from "@wsession/adapter-ws";
import { Client, FramedPeer, until } from "@wsession/conformance";
import { createSessions, mapStore, queryToken, SessionError } from "@wsession/core";
import { redisStore } from "@wsession/store-redis";
import { instrument } from "@wsession/opentelemetry";
import { DECOY_SUBPROTOCOL, SUBPROTOCOL } from "@wsession/protocol";
import { metrics } from "@opentelemetry/api";
import { PrometheusExporter } from "@opentelemetry/exporter-prometheus";
import { DataPointType, MeterProvider } from "@opentelemetry/sdk-metrics";
import type { MetricData } from "@opentelemetry/sdk-metrics";
import { Redis } from "ioredis";
import { WebSocketServer } from "ws";
import { startRedis } from "../../store-redis/test/redis-server.ts";
import type { RedisServer } from "../../store-redis/test/redis-server.ts";

export interface Exported {
  readonly metrics: readonly ExportedMetric[];
  /** The answer to Prometheus. */
  readonly text: string;
}

export interface ExportedMetric {
  readonly name: string;
  readonly type: "counter" | "up-down counter" | "gauge" | "histogram";
  readonly unit: string;
  /** The names of the attributes, with the values that occurred. */
  readonly attributes: Readonly<Record<string, readonly string[]>>;
}

/** Runs traffic on a map store, and two calls of a Redis of its own, which is killed before the second. Reads the metrics by the SDK, and by a scrape over HTTP. */
export async function collectExported(): Promise<Exported> {
  const redis = await startRedis();
  const exporter = new PrometheusExporter({ preventServerStart: true });
  metrics.setGlobalMeterProvider(new MeterProvider({ readers: [exporter] }));
  const stop = await runTraffic(redis);
  const http = createServer((request, response) => exporter.getMetricsRequestHandler(request, response));
  try {
    const { resourceMetrics, errors } = await exporter.collect();
    if (errors.length > 0) throw new AggregateError(errors);
    const found = resourceMetrics.scopeMetrics.flatMap((scope) => scope.metrics.map(describe));
    return { metrics: found, text: await scrape(http) };
  } finally {
    http.close();
    await stop();
    await redis.stop();
    await exporter.shutdown();
    metrics.disable();
  }
}

async function runTraffic(redis: RedisServer): Promise<() => Promise<void>> {
  const client = new Redis(redis.port, "127.0.0.1");
  client.on("error", () => undefined);
  const store = redisStore({ client, prefix: "exported", timeoutMs: 5_000 });
  const inRedis = createSessions({ store, initial: () => ({ n: 0 }), onError: () => undefined });
  const stopRedis = instrument(inRedis, { store });
  await inRedis.create({ n: 1 });

  const sessions = createSessions({
    store: mapStore(),
    token: queryToken(),
    initial: () => ({ n: 0 }),
    outbox: { maxBytes: 64 },
    origins: (origin) => origin === undefined,
    onError: () => undefined,
  });
  const stop = instrument(sessions);
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  await once(server, "listening");
  bindWs(server, sessions, {
    async message({ session }, text) {
      if (`${text}` === "fail") throw new TypeError("planned");
      await session.update(({ n }) => ({ n: n + 1 }));
    },
    transaction(tx, message) {
      // As the error of another session's write, whose store is away.
      if (`${message}` === "away") throw new SessionError("STORE_UNAVAILABLE", "planned");
      if (`${message}` === "fail") throw new TypeError("planned");
      tx.patch({ n: 7 });
    },
  });
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("not listening");
  const url = `ws://127.0.0.1:${address.port}/`;
  const answers = { commit: "applied", fail: "refused" } as const;
  const peer = await framed(url);
  for (const message of ["commit", "fail"] as const) {
    peer.sendCounted(message);
    await peer.until(answers[message]);
  }
  peer.sendCounted("away");
  await Client.connect(url, { headers: { origin: "https://evil.example" } }).catch(() => undefined);
  const failing = await Client.connect(url);
  failing.send("fail");
  await failing.closed;
  const { session } = await sessions.create({ n: 1 });
  await session.patch({ n: 2 });
  await session.send("kept");
  await redis.kill();
  const fails = [
    session.update(() => {
      throw new TypeError("planned");
    }),
    session.send("too long".repeat(10)),
    inRedis.create({ n: 1 }),
  ];
  for (const [index, { status }] of (await Promise.allSettled(fails)).entries())
    if (status === "fulfilled") throw new Error(`call ${index} did not fail`);
  await until(() => sessions.diagnostics.connectionsClosed === 2);
  return async () => {
    stop();
    stopRedis();
    // Without its Redis the store would wait for answers before it closes.
    await redis.restart();
    await Promise.all([sessions.close(), inRedis.close()]);
    client.disconnect();
    await new Promise((resolve) => server.close(resolve));
  };
}

async function framed(url: string): Promise<FramedPeer> {
  const peer = FramedPeer.over(await Client.connect(url, { protocols: [DECOY_SUBPROTOCOL, SUBPROTOCOL] }));
  peer.attach();
  await peer.until("hello");
  return peer;
}

function describe(metric: MetricData): ExportedMetric {
  const attributes: Record<string, string[]> = {};
  for (const { attributes: own } of metric.dataPoints)
    for (const [name, value] of Object.entries(own)) (attributes[name] ??= []).push(String(value));
  const { name, unit } = metric.descriptor;
  return { name, type: typeOf(metric), unit, attributes };
}

function typeOf(metric: MetricData): ExportedMetric["type"] {
  if (metric.dataPointType === DataPointType.SUM) return metric.isMonotonic ? "counter" : "up-down counter";
  return metric.dataPointType === DataPointType.GAUGE ? "gauge" : "histogram";
}

async function scrape(http: ReturnType<typeof createServer>): Promise<string> {
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  const address = http.address();
  if (typeof address !== "object" || address === null) throw new Error("not listening");
  return (await fetch(`http://127.0.0.1:${address.port}/metrics`)).text();
}
