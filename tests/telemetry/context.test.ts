/** The asynchronous context from a handshake to the calls of the store, and listeners that fail. */
import { AsyncLocalStorage } from "node:async_hooks";
import { channel } from "node:diagnostics_channel";
import { once } from "node:events";
import { Journal, within } from "@wsession/conformance";
import { createSessions, isSessionError, onTelemetry } from "@wsession/core";
import type { TelemetryEvents } from "@wsession/core";
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from "vitest";
import { startRedis } from "../../packages/store-redis/test/redis-server.ts";
import type { RedisServer } from "../../packages/store-redis/test/redis-server.ts";
import { connect, runtimeNames, serve } from "../runtimes.ts";
import { openStore } from "../stores.ts";

let redis: RedisServer;

beforeAll(async () => {
  redis = await startRedis();
});

afterAll(() => redis?.stop());

/** Runs operations of this kind in `storage`, with `open(the payload)` as the value, until the test ends. */
function bind<Value>(
  name: keyof TelemetryEvents,
  storage: AsyncLocalStorage<Value>,
  open: (event: object) => Value,
): void {
  const start = channel(`tracing:${name}:start`);
  start.bindStore(storage, (event) => open(Object(event)));
  onTestFinished(() => void start.unbindStore(storage));
}

describe.each(runtimeNames)("on %s", (runtime) => {
  test.each(["map", "redis"] as const)(
    "a context goes from the handshake to open, to the message handler, and to its calls of a %s store",
    async (store) => {
      const storage = new AsyncLocalStorage<readonly string[]>();
      let handshakes = 0;
      bind("wsession:handshake", storage, () => [`handshake ${(handshakes += 1)}`]);
      bind("wsession:message", storage, () => [...(storage.getStore() ?? []), "message"]);
      const calls: string[] = [];
      onTestFinished(
        onTelemetry("wsession:store:call", ({ method }) => {
          calls.push(`${method} in ${storage.getStore()?.join(", ")}`);
        }),
      );
      const opens: unknown[] = [];
      const sessions = createSessions({ store: openStore(store, redis.port), initial: () => ({ n: 0 }) });
      const server = await serve(runtime, sessions, {
        open: () => void opens.push(storage.getStore()),
        async message(connection, text) {
          await connection.session.update(({ n }) => ({ n: n + 1 }));
          connection.send(`${text} in ${storage.getStore()?.join(", ")}`);
        },
      });
      const [one, other] = [await connect(server), await connect(server)];
      one.send("a");
      other.send("b");
      expect(await one.next()).toBe("a in handshake 1, message");
      expect(await other.next()).toBe("b in handshake 2, message");
      expect(opens).toEqual([["handshake 1"], ["handshake 2"]]);
      expect(calls).toEqual(
        expect.arrayContaining([
          "create in handshake 1",
          "create in handshake 2",
          "write in handshake 1, message",
          "write in handshake 2, message",
        ]),
      );
    },
  );

  test("a listener that throws or rejects becomes a warning, and neither ends the process nor harms a session", async () => {
    const failures = [new Error("listener threw"), new Error("listener rejected")];
    onTestFinished(
      onTelemetry("wsession:message", () => {
        throw failures[0];
      }),
    );
    // oxlint-disable-next-line typescript/no-misused-promises -- this mistake is the subject
    onTestFinished(onTelemetry("wsession:message", () => Promise.reject(failures[1])));
    const warnings = new Journal<string>();
    // Replaced, so that an expected warning is not printed.
    const emit = vi
      .spyOn(process, "emitWarning")
      .mockImplementation((warning) => warnings.note(`${warning}`));
    onTestFinished(() => emit.mockRestore());
    const sessions = createSessions({ initial: () => ({ n: 0 }) });
    const server = await serve(runtime, sessions, {
      message: (connection, text) => void connection.send(text),
    });
    const client = await connect(server);
    for (const text of ["one", "two"]) {
      client.send(text);
      expect(await client.next()).toBe(text);
    }
    await within(10_000, "the four warnings", warnings.until(4));
    for (const { message } of failures)
      expect(warnings.entries).toContain(`wsession:message: ${message}; a listener of onTelemetry failed`);
  });
});

test("onTelemetry ends its calls when its result is called, and refuses wrong arguments", async () => {
  const events: unknown[] = [];
  const stop = onTelemetry("wsession:store:health", (event) => events.push(event));
  const health = channel("wsession:store:health");
  const event = { ok: true, code: undefined, outageMs: 0 };
  health.publish(event);
  stop();
  stop();
  health.publish(event);
  expect(events).toEqual([event]);
  const wrong: readonly unknown[][] = [
    ["wsession:nothing", () => undefined],
    ["wsession:message"],
    ["wsession:message", () => undefined, {}],
  ];
  for (const args of wrong) {
    let thrown: unknown;
    try {
      Reflect.apply(onTelemetry, undefined, args);
    } catch (error) {
      thrown = error;
    }
    expect(isSessionError(thrown, "INVALID_ARGUMENT")).toBe(true);
  }
});

test("an error of a listener of diagnostics_channel itself is an uncaughtException, as Node documents", async () => {
  const listener = () => {
    throw new Error("raw listener");
  };
  const caught = once(process, "uncaughtException");
  channel("wsession:store:health").subscribe(listener);
  channel("wsession:store:health").publish({ ok: true });
  channel("wsession:store:health").unsubscribe(listener);
  expect((await caught)[0]).toMatchObject({ message: "raw listener" });
});
