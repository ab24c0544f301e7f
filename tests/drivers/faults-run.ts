// `npm run test:drivers`: lost replies, lost connections and servers that hang, with each client library.
import { describe, expect, test, type TestContext } from "vitest";
import { aCreation, aResume, aWrite } from "../../packages/store-redis/test/fake-host.ts";
import { until } from "../../packages/store-redis/test/redis-server.ts";
import { startProxy } from "../../packages/store-redis/test/tcp-proxy.ts";
import { libraries, type Library } from "./libraries.ts";
import { type Started, startStore, usable } from "./start-store.ts";
import { useTopologies } from "./topologies.ts";

const TIMEOUT_MS = 300;

const topologies = useTopologies();
const [oneServer] = topologies;

/** A store behind a proxy to one server, and a session. */
async function behindProxy(context: TestContext, library: Library) {
  const [server] = oneServer.servers();
  if (server === undefined) throw new Error("the server is started before the first test");
  const proxy = await startProxy(server);
  context.onTestFinished(() => proxy.close());
  const opened = library.server({ host: "127.0.0.1", port: proxy.port });
  const started = startStore(context, opened, { timeoutMs: TIMEOUT_MS });
  await usable(started);
  const { store } = started;
  const { id } = aCreation();
  await until(async () => (await store.create(aCreation({ id, data: { n: 0 } }))).type !== "full");
  return { proxy, store, id };
}

/** Calls of each kind, all in one turn of the event loop. */
function flood({ store }: Started, ids: readonly string[]): Promise<PromiseSettledResult<unknown>[]> {
  return Promise.allSettled(
    ids.flatMap((id): unknown[] => [
      store.create(aCreation({ hold: true })),
      store.create(aCreation({ subject: id })),
      store.resume(aResume(id, { hold: true, exclusive: true })),
      store.write(aWrite(id, { n: 1 })),
      store.touch(id, 60_000),
      store.load(id),
      store.presence(id),
      refuseUnlessOk(store.health(TIMEOUT_MS)),
    ]),
  );
}

async function refuseUnlessOk(health: PromiseLike<{ readonly ok: boolean }>): Promise<void> {
  if (!(await health).ok) throw new Error("not ok");
}

describe.each(libraries.map((library) => ({ name: library.name, library })))("$name", ({ library }) => {
  test("I10, I11 a change without a reply has an unknown outcome, is applied once, and outcome() finds it", async (context) => {
    const { proxy, store, id } = await behindProxy(context, library);
    proxy.replies("drop");
    const lost = await store.write(aWrite(id, { n: 1 })).catch((error: unknown) => error);
    expect(lost).toMatchObject({ code: "STORE_UNAVAILABLE", outcome: "unknown" });
    proxy.replies("pass");
    await until(async () => (await store.load(id)) !== undefined);
    expect(await store.outcome(lost)).toBe("applied");
    expect(await store.load(id)).toMatchObject({ version: 2, data: { n: 1 } });
  });

  test("I11 while the connection is lost a call waits, is sent once, and is not applied if its time ends", async (context) => {
    const { proxy, store, id } = await behindProxy(context, library);
    proxy.refuse(true);
    proxy.cut();
    await store.load(id).catch(() => undefined);
    await expect(store.write(aWrite(id, { n: 1 }))).rejects.toMatchObject({
      code: "STORE_UNAVAILABLE",
      outcome: "not-applied",
    });
    proxy.refuse(false);
    await until(async () => (await store.load(id)) !== undefined);
    expect(await store.write(aWrite(id, { n: 2 }))).toMatchObject({ type: "written", version: 2 });
  });

  test.for(topologies.filter((topology) => topology.isProxied(library)))(
    "fault B3: $topology that hangs gets at most 100 commands for each connection, although the calls begin before any reply is late",
    async (topology, context) => {
      const proxied = await topology.proxied(context);
      const started = startStore(context, proxied.open(library), { timeoutMs: TIMEOUT_MS });
      await usable(started);
      const ids = Array.from({ length: 100 }, () => aCreation().id);
      await until(async () => {
        for (const id of ids) await started.store.create(aCreation({ id }));
        return true;
      });
      const before = proxied.proxies.map(({ sent }) => sent);
      const goOn = (): void => topology.servers().forEach((server) => server.continue());
      context.onTestFinished(goOn);
      for (const server of topology.servers()) server.pause();
      const results = await flood(started, ids);
      const sent = proxied.proxies.map((proxy, index) => proxy.sent - (before[index] ?? 0));
      expect(results.filter(({ status }) => status === "fulfilled")).toEqual([]);
      expect(Math.max(...sent)).toBeGreaterThan(20);
      expect(Math.max(...sent)).toBeLessThanOrEqual(100);
      // A call whose command was not sent is not applied.
      const unknown = results.filter(
        (result) => result.status === "rejected" && Reflect.get(result.reason, "outcome") === "unknown",
      );
      expect(unknown.length).toBeLessThanOrEqual(sent.reduce((sum, count) => sum + count, 0));
      goOn();
      await usable(started);
    },
  );
});
