import { Redis } from "ioredis";
import { expect, onTestFinished, test } from "vitest";
import { aCreation, aResume, aWrite, hold } from "./fake-host.ts";
import { startProcess } from "./processes.ts";
import { until } from "./redis-server.ts";
import { startProxy } from "./tcp-proxy.ts";
import { useRedisServer } from "./shared-servers.ts";

const server = useRedisServer();

test("presence counts the connections of each process, including this one", async () => {
  const [a, b] = [startProcess(server), startProcess(server)];
  const { id } = aCreation();
  await a.store.create(aCreation({ id, hold: true }));
  await hold(b.store, b.host, id);
  await hold(b.store, b.host, id);
  const { nodes, missing } = await a.store.presence(id);
  expect(nodes.map(({ connections }) => connections).toSorted((one, two) => one - two)).toEqual([1, 2]);
  expect(missing).toEqual([]);
  await b.store.release(id);
  await b.store.release(id);
  expect((await a.store.presence(id)).nodes.map(({ connections }) => connections)).toEqual([1]);
  expect(await a.store.presence(aCreation().id)).toEqual({ nodes: [], missing: [] });
});

test("simultaneous changes of the connection count need few calls and result in the right count", async () => {
  const { store } = startProcess(server);
  const { id } = aCreation();
  await store.create(aCreation({ id, hold: true }));
  const resume = {
    id,
    digest: undefined,
    nextDigest: undefined,
    subject: undefined,
    idleMs: 60_000,
    hold: true,
    exclusive: false,
  };
  await Promise.all([
    store.resume(resume),
    store.resume({ ...resume, digest: "wrong" }),
    store.resume(resume),
    store.resume({ ...resume, digest: "wrong" }),
  ]);
  await until(async () => (await store.presence(id)).nodes[0]?.connections === 3);
  await Promise.all([store.release(id), store.release(id), store.release(id)]);
  expect((await store.presence(id)).nodes).toEqual([]);
});

test("a dead process does not count once its lease has expired, and the sweep removes it", async () => {
  const proxy = await startProxy(server);
  onTestFinished(() => proxy.close());
  const onlooker = startProcess(server, { leaseMs: 1_000 });
  const dead = startProcess({ port: proxy.port }, { leaseMs: 1_000, timeoutMs: 500 });
  const { id } = aCreation();
  await onlooker.store.create(aCreation({ id, hold: true }));
  await until(async () => {
    await hold(dead.store, dead.host, id);
    return (await onlooker.store.presence(id)).nodes.length === 2;
  });
  proxy.refuse(true);
  proxy.cut();
  let missing: readonly string[] = [];
  await until(async () => {
    ({ missing } = await onlooker.store.presence(id));
    return missing.length === 1;
  });
  await until(async () => (await onlooker.store.presence(id)).missing.length === 0);
  expect((await onlooker.store.presence(id)).nodes).toHaveLength(1);

  // The process was disconnected. It registers again, and reads its sessions before it uses the data in its memory.
  await onlooker.store.write(aWrite(id, { meanwhile: true }));
  proxy.refuse(false);
  await until(async () => (await onlooker.store.presence(id)).nodes.some(({ node }) => node === missing[0]));
  await until(() => dead.host.held(id)?.version === 2);
});

test("the other holders of a session remove a killed process from it, and never a live one", async () => {
  const [sweeping, other] = [startProcess(server, { sweepMs: 100, leaseMs: 1_000 }), startProcess(server)];
  const { id } = aCreation();
  await sweeping.store.create(aCreation({ id, hold: true }));
  await hold(sweeping.store, sweeping.host, id);
  await hold(other.store, other.host, id);
  const key = `ws:s:{${id}}`;
  const before = await other.client.hget(key, "h");
  await other.client.hset(key, "h", `killed=1.7,${before}`);
  await until(async () => (await other.client.hget(key, "h")) === before);
});

test("close removes the process from its sessions, deletes the lease, and does not change the application's client", async () => {
  const prefix = "closing";
  const [onlooker, leaving] = [startProcess(server, { prefix }), startProcess(server, { prefix })];
  const { id } = aCreation();
  await onlooker.store.create(aCreation({ id }));
  await hold(leaving.store, leaving.host, id);
  const leases = (): Promise<string[]> => onlooker.client.keys(`${prefix}:n:*`);
  await until(async () => (await leases()).length === 2);
  const [{ node } = expect.fail("nobody holds it")] = (await onlooker.store.presence(id)).nodes;
  await leaving.store.close();
  await leaving.store.close();
  expect(await leases()).toEqual([expect.not.stringContaining(node)]);
  expect(await onlooker.store.presence(id)).toEqual({ nodes: [], missing: [] });
  expect(leaving.client.status).toBe("ready");
  expect(await leaving.client.ping()).toBe("PONG");
  await expect(leaving.store.load(id)).rejects.toMatchObject({
    code: "STORE_UNAVAILABLE",
    outcome: "not-applied",
  });
});

test("a second attach throws", () => {
  const { store, host } = startProcess(server);
  expect(() => store.attach(host)).toThrow(expect.objectContaining({ code: "INVALID_ARGUMENT" }));
});

test.each(["app[1]:", "{app}:", "a:s:{b}:", "}{"])(
  "a client with key prefix %s and its own autopipelining works the same",
  async (keyPrefix) => {
    const connect = (): Redis => new Redis({ port: server.port, keyPrefix, enableAutoPipelining: true });
    const [a, b] = [startProcess(connect, { sweepMs: 600_000 }), startProcess(connect, { sweepMs: 600_000 })];
    const { id } = aCreation();
    await a.store.create(aCreation({ id, hold: true, subject: "ann" }));
    await hold(b.store, b.host, id);
    await a.store.write(aWrite(id, { n: 1 }));
    await until(() => b.host.held(id)?.version === 2);
    const taken = await a.store.resume(aResume(id, { hold: true, exclusive: true }));
    const fence = taken.type === "resumed" ? taken.session.fence : expect.fail(taken.type);
    await until(() => b.host.held(id)?.fence === fence);
    const ids: string[] = [];
    for await (const found of a.store.ids()) ids.push(found);
    expect(ids).toEqual([id]);
    expect(await a.store.bySubject("ann")).toEqual([id]);
    expect(await a.store.destroy(id, undefined, true)).toMatchObject({
      destroyed: [id],
      closed: 1,
      unreachable: [],
    });
  },
);
