/** What is published on the channels of `node:diagnostics_channel`, on both runtimes, with stores in memory and in Redis. */
import { channel } from "node:diagnostics_channel";
import { until } from "@wsession/conformance";
import { createSessions, mapStore, onTelemetry } from "@wsession/core";
import type { TelemetryEvents, WriteRequest } from "@wsession/core";
import { redisStore } from "@wsession/store-redis";
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from "vitest";
import { startRedis } from "../../packages/store-redis/test/redis-server.ts";
import type { RedisServer } from "../../packages/store-redis/test/redis-server.ts";
import { connect, runtimeNames, serve } from "../runtimes.ts";
import { newPrefix, redisClient } from "../stores.ts";
import { runExchange } from "./exchange.ts";

let redis: RedisServer;

beforeAll(async () => {
  redis = await startRedis();
});

afterAll(() => redis?.stop());

const OPERATIONS = ["handshake", "message", "write", "store:call", "transaction", "outbox:send"] as const;
const STAGES = ["start", "end", "asyncStart", "asyncEnd", "error"] as const;

const NAMES: readonly (keyof TelemetryEvents)[] = [
  ...OPERATIONS.map((name) => `wsession:${name}` as const),
  "wsession:connection:open",
  "wsession:connection:close",
  "wsession:session:resume",
  "wsession:session:destroy",
  "wsession:store:health",
];

interface Published {
  readonly name: string;
  readonly event: Readonly<Record<string, unknown>>;
  /** The payload as it was when it was published: operations complete theirs. */
  readonly text: string;
}

/** Records everything that is published until the test ends. */
function record(): Published[] {
  const published: Published[] = [];
  const keep = (name: string) => (event: unknown) => {
    published.push({ name, event: Object(event), text: JSON.stringify(event) });
  };
  for (const name of NAMES) onTestFinished(onTelemetry(name, keep(name)));
  for (const operation of OPERATIONS)
    for (const stage of STAGES) {
      const name = `tracing:wsession:${operation}:${stage}`;
      const listener = keep(name);
      channel(name).subscribe(listener);
      onTestFinished(() => {
        channel(name).unsubscribe(listener);
      });
    }
  return published;
}

const places = runtimeNames.flatMap((runtime) =>
  (["map", "redis"] as const).map((store) => ({ runtime, store })),
);

describe.each(places)("with a server on $runtime and a $store store", ({ runtime, store }) => {
  test("each channel is published for its cause, and no payload has a secret", async () => {
    const published = record();
    const { connectionId, sessionId, destroyedId, secrets } = await runExchange(runtime, store, redis.port);
    await until(() => published.filter(({ name }) => name === "wsession:connection:close").length === 2);

    const durationMs: unknown = expect.any(Number);
    const ended = (outcome: string, errorType?: string) => ({ outcome, errorType, durationMs });
    const ofFirst = { connectionId, sessionId, runtime };
    const expected: readonly (readonly [keyof TelemetryEvents, object])[] = [
      ["wsession:handshake", { runtime, status: 403, ...ended("refused") }],
      ["wsession:handshake", { runtime, status: 101, ...ended("accepted") }],
      ["wsession:connection:open", { ...ofFirst, resumed: false }],
      ["wsession:connection:open", { sessionId: destroyedId, runtime, resumed: true }],
      ["wsession:message", { ...ofFirst, bytes: 12, ...ended("handled") }],
      ["wsession:message", { runtime, bytes: 4, ...ended("failed", "Error") }],
      ["wsession:write", { sessionId, kind: "update", ...ended("written") }],
      ["wsession:store:call", { method: "create", ...ended("answered") }],
      ["wsession:store:call", { method: "write", sessionId, ...ended("answered") }],
      ["wsession:store:call", { method: "append", sessionId, ...ended("answered") }],
      ["wsession:store:call", { method: "commit", sessionId: destroyedId, ...ended("answered") }],
      ["wsession:outbox:send", { sessionId, bytes: 12, ...ended("kept") }],
      ["wsession:session:resume", { sessionId: destroyedId, by: "current" }],
      ["wsession:transaction", { sessionId: destroyedId, runtime, bytes: 12, ...ended("committed") }],
      ["wsession:session:destroy", { sessionId: destroyedId, cause: "call" }],
      ["wsession:connection:close", { runtime, code: 1011, by: "server", durationMs }],
      ["wsession:connection:close", { sessionId: destroyedId, code: 4410, reason: "over", durationMs }],
    ];
    for (const [name, event] of expected) {
      const events = published.map((one) => ({ channel: one.name, ...one.event }));
      expect(events).toContainEqual(expect.objectContaining({ channel: name, ...event }));
    }
    const leaks = published.filter(({ text }) => secrets.some((secret) => text.includes(secret)));
    expect(leaks).toEqual([]);
  });

  test("the channels of an operation have one payload, from start to end, which is complete at the end", async () => {
    const published = record();
    await runExchange(runtime, store, redis.port);
    for (const operation of OPERATIONS) {
      const done = published.filter(({ name }) => name === `wsession:${operation}`);
      expect(done.length).toBeGreaterThan(0);
      for (const { event } of done) {
        const stages = published
          .filter((one) => one.event === event)
          .map(({ name }) => name.split(":").at(-1));
        const failed = event["errorType"] === undefined ? [] : ["error"];
        const [, last] = operation.split(":");
        const plain = last ?? operation;
        const isSync = !stages.includes("asyncEnd");
        expect(stages).toEqual(
          isSync
            ? ["start", ...failed, plain, "end"]
            : ["start", "end", ...failed, "asyncStart", plain, "asyncEnd"],
        );
      }
    }
  });

  test("nothing is published, and no context is kept, while no channel has a listener", async () => {
    const idle: object = Object.getPrototypeOf(channel("wsession:nobody listens"));
    const calls = [
      vi.spyOn(idle as { publish(): void }, "publish"),
      vi.spyOn(idle as { runStores(): void }, "runStores"),
    ];
    onTestFinished(() => calls.forEach((call) => call.mockRestore()));
    await runExchange(runtime, store, redis.port);
    const names = calls.flatMap(({ mock }) =>
      mock.contexts.map((context) => `${Reflect.get(Object(context), "name")}`),
    );
    expect(names.filter((name) => name.includes("wsession"))).toEqual([]);
  });
});

describe("the health of the store is published", () => {
  test.each(runtimeNames)("when a map store on %s is full", async (runtime) => {
    const published = record();
    const sessions = createSessions({
      store: mapStore({ maxSessions: 1 }),
      initial: () => ({ n: 0 }),
      onError: () => undefined,
    });
    const server = await serve(runtime, sessions);
    await connect(server);
    await connect(server).catch(() => undefined);
    const health = published.filter(({ name }) => name === "wsession:store:health");
    expect(health.map(({ event }) => event)).toEqual([{ ok: false, code: "STORE_FULL", outageMs: 0 }]);
  });

  test.each(runtimeNames)("when Redis is gone, with a server on %s", async (runtime) => {
    const published = record();
    const gone = await startRedis();
    onTestFinished(() => gone.stop());
    const sessions = createSessions({
      store: redisStore({ client: redisClient(gone.port), prefix: newPrefix(), timeoutMs: 1_000 }),
      initial: () => ({ n: 0 }),
      onError: () => undefined,
    });
    const server = await serve(runtime, sessions);
    await connect(server);
    await gone.kill();
    await connect(server).catch(() => undefined);
    const health = published.filter(({ name }) => name === "wsession:store:health");
    expect(health.map(({ event }) => event)).toEqual([{ ok: false, code: "STORE_UNAVAILABLE", outageMs: 0 }]);
    const calls = published.filter(({ name }) => name === "wsession:store:call").map(({ event }) => event);
    expect(calls).toContainEqual(
      expect.objectContaining({ method: "create", outcome: "failed", errorType: "STORE_UNAVAILABLE" }),
    );
  });
});

test("a frozen store of a third party, whose methods use private fields, works while it is observed", async () => {
  class Third {
    readonly #inner = mapStore();
    readonly capabilities = this.#inner.capabilities;
    readonly attach = this.#inner.attach.bind(this.#inner);
    readonly create = this.#inner.create.bind(this.#inner);
    readonly resume = this.#inner.resume.bind(this.#inner);
    readonly touch = this.#inner.touch.bind(this.#inner);
    readonly rotate = this.#inner.rotate.bind(this.#inner);
    readonly destroy = this.#inner.destroy.bind(this.#inner);
    readonly release = this.#inner.release.bind(this.#inner);
    readonly ids = this.#inner.ids.bind(this.#inner);
    readonly bySubject = this.#inner.bySubject.bind(this.#inner);
    readonly destroySubject = this.#inner.destroySubject.bind(this.#inner);
    readonly presence = this.#inner.presence.bind(this.#inner);
    readonly close = this.#inner.close.bind(this.#inner);

    load(id: string) {
      return this.#inner.load(id);
    }

    async write(request: WriteRequest) {
      return this.#inner.write(request);
    }
  }
  const published = record();
  const sessions = createSessions<{ n: number }>({ store: Object.freeze(new Third()) });
  const { session } = await sessions.create({ n: 1 });
  await session.patch({ n: 2 });
  expect((await sessions.get(session.id))?.data).toEqual({ n: 2 });
  const calls = published
    .filter(({ name }) => name === "wsession:store:call")
    .map(({ event }) => event["method"]);
  expect(calls).toEqual(["create", "write", "load"]);
  await sessions.close();
});
