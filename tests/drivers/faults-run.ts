// `npm run test:drivers`: lost replies, lost connections and a server that hangs, with each client library on one server.
import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { aCreation, aWrite } from "../../packages/store-redis/test/fake-host.ts";
import { until } from "../../packages/store-redis/test/redis-server.ts";
import { useRedisServer } from "../../packages/store-redis/test/shared-servers.ts";
import { startProxy } from "../../packages/store-redis/test/tcp-proxy.ts";
import { libraries } from "./libraries.ts";
import { startStore } from "./start-store.ts";

const server = useRedisServer();

describe.each(libraries.map((library) => ({ name: library.name, library })))("$name", ({ library }) => {
  test("I10, I11 a change without a reply has an unknown outcome, is applied once, and outcome() finds it", async (context) => {
    const proxy = await startProxy(server);
    context.onTestFinished(() => proxy.close());
    const { store } = startStore(context, library, proxy.port, 300);
    const { id } = aCreation();
    await until(async () => (await store.create(aCreation({ id, data: { n: 0 } }))).type !== "full");
    proxy.replies("drop");
    const lost = await store.write(aWrite(id, { n: 1 })).catch((error: unknown) => error);
    expect(lost).toMatchObject({ code: "STORE_UNAVAILABLE", outcome: "unknown" });
    proxy.replies("pass");
    await until(async () => (await store.load(id).catch(() => undefined)) !== undefined);
    expect(await store.outcome(lost)).toBe("applied");
    expect(await store.load(id)).toMatchObject({ version: 2, data: { n: 1 } });
  });

  test("I11 while the connection is lost a call waits, is sent once, and is not applied if its time ends", async (context) => {
    const proxy = await startProxy(server);
    context.onTestFinished(() => proxy.close());
    const { store } = startStore(context, library, proxy.port, 300);
    const { id } = aCreation();
    await until(async () => (await store.create(aCreation({ id, data: { n: 0 } }))).type !== "full");
    proxy.refuse(true);
    proxy.cut();
    await store.load(id).catch(() => undefined);
    await expect(store.write(aWrite(id, { n: 1 }))).rejects.toMatchObject({
      code: "STORE_UNAVAILABLE",
      outcome: "not-applied",
    });
    proxy.refuse(false);
    await until(async () => (await store.load(id).catch(() => undefined)) !== undefined);
    expect(await store.write(aWrite(id, { n: 2 }))).toMatchObject({ type: "written", version: 2 });
  });

  test("a server that hangs gets no more than 100 commands", async (context) => {
    const proxy = await startProxy(server);
    context.onTestFinished(() => proxy.close());
    const { store } = startStore(context, library, proxy.port, 300);
    const { id } = aCreation();
    await until(async () => (await store.create(aCreation({ id, data: { n: 0 } }))).type !== "full");
    proxy.replies("drop");
    const first = store.load(id).catch(() => undefined);
    // Replies have been due for long enough to count as silence.
    await delay(80);
    const calls = await Promise.allSettled(Array.from({ length: 500 }, () => store.load(id)));
    await first;
    const outcomes = calls.map((call) => (call.status === "rejected" ? call.reason.outcome : "resolved"));
    const sent = outcomes.filter((outcome) => outcome === "unknown").length;
    expect(sent).toBeGreaterThan(0);
    expect(sent).toBeLessThanOrEqual(100);
    expect(outcomes.filter((outcome) => outcome === "not-applied")).toHaveLength(500 - sent);
  });
});
