import { Redis } from "ioredis";
import { describe, expect, onTestFinished, test } from "vitest";
import { aCreation, aWrite, hold } from "./fake-host.ts";
import { connected, startProcess } from "./processes.ts";
import { startRedis, until } from "./redis-server.ts";
import { useRedisServer } from "./shared-servers.ts";

const server = useRedisServer();

describe("redisStore().diagnostics", () => {
  test("is one object of numbers, which always has the present ones and can be serialised", async () => {
    const { store } = startProcess(server);
    const { diagnostics } = store;
    const { calls } = diagnostics;
    await store.create(aCreation());
    expect(diagnostics.calls).toBeGreaterThan(calls);
    expect(JSON.parse(JSON.stringify(diagnostics))).toMatchObject({ calls: expect.any(Number), late: 0 });
    expect(store.diagnostics).toBe(diagnostics);
    const { latencyMs, ...counters } = diagnostics;
    expect(Object.values(counters).every(Number.isSafeInteger)).toBe(true);
    expect(latencyMs.p50).toBeGreaterThan(0);
    expect(latencyMs.p99).toBeGreaterThanOrEqual(latencyMs.p50);
  });

  test("counts each call once, and the announcements on both sides", async () => {
    const [one, two] = [startProcess(server), startProcess(server)];
    await Promise.all([connected(one), connected(two)]);
    const { id } = aCreation();
    await one.store.create(aCreation({ id }));
    await hold(two.store, two.host, id);
    const before = { sent: one.store.diagnostics.announcementsSent, calls: one.store.diagnostics.calls };
    const received = two.store.diagnostics.announcementsHeard;
    await one.store.write(aWrite(id, { n: 1 }));
    expect(one.store.diagnostics.announcementsSent).toBe(before.sent + 1);
    expect(one.store.diagnostics.calls).toBe(before.calls + 1);
    await until(() => two.host.held(id)?.version === 2);
    expect(two.store.diagnostics.announcementsHeard).toBe(received + 1);
  });

  test("counts timeouts, and calls whose outcome is unknown", async () => {
    const own = await startRedis();
    onTestFinished(() => own.stop());
    const { store } = startProcess(own, { timeoutMs: 500 });
    await connected({ store });
    const { id } = aCreation();
    await until(async () => (await store.create(aCreation({ id }))).type !== "full");
    const before = { ...store.diagnostics };
    own.pause();
    await expect(store.write(aWrite(id, { n: 1 }))).rejects.toMatchObject({ outcome: "unknown" });
    expect(store.diagnostics.timeouts).toBeGreaterThan(before.timeouts);
    expect(store.diagnostics.unknown).toBeGreaterThan(before.unknown);
    own.continue();
    await until(async () => (await store.load(id)) !== undefined);
  });

  test("counts sweeps, the sessions that they read, what they find, and entries of dead processes", async () => {
    const { store, host } = startProcess(server, { sweepMs: 100, leaseMs: 150 });
    const client = new Redis(server.port);
    onTestFinished(() => client.disconnect());
    const { id } = aCreation();
    await store.create(aCreation({ id }));
    await hold(store, host, id);
    const key = `ws:s:{${id}}`;
    await client.hset(key, "h", `${await client.hget(key, "h")},gone=1.1`);
    await until(() => store.diagnostics.orphans > 0);
    expect(store.diagnostics.sweeps).toBeGreaterThan(0);
    expect(store.diagnostics.sweptSessions).toBeGreaterThan(0);
    const { sweepFindings } = store.diagnostics;
    await client.del(key);
    await until(() => host.held(id) === undefined);
    expect(store.diagnostics.sweepFindings).toBe(sweepFindings + 1);
  });
});
