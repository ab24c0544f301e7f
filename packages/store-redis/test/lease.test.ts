import { Redis } from "ioredis";
import { expect, onTestFinished, test } from "vitest";
import { Lease } from "../src/holders/lease.ts";
import { aCreation, hold } from "./fake-host.ts";
import { startProcess } from "./processes.ts";
import { cli, startRedis, until } from "./redis-server.ts";
import { aServer, useRedisServer } from "./shared-servers.ts";

const server = useRedisServer();
const HEALTH_MS = 1_000;

test("a lapsed lease is reported when it is valid again, even if the reply that shows the lapse was lost", async () => {
  const lost = new Error("no answer came");
  // First reply: the first lease. Then the lease is lost, and the reply of the renewal is lost too. Then the lease exists.
  const answers: (string | Error)[] = ["first", lost, "second", "second"];
  const script = async (): Promise<unknown> => {
    const answer = answers.shift();
    if (answer instanceof Error) throw answer;
    return [answer];
  };
  let lapsed = 0;
  const events = { lapsed: () => void (lapsed += 1), partlyLost: expect.unreachable, tick: () => undefined };
  // A lease of no length: each call of `ensure` renews it.
  const lease = new Lease({ script, command: script }, { checkAgain: () => undefined }, ["lease"], 0, events);
  await lease.ensure();
  await expect(lease.ensure()).rejects.toBe(lost);
  expect(lapsed).toBe(0);
  await lease.ensure();
  expect(lapsed).toBe(1);
  await lease.ensure();
  expect(lapsed).toBe(1);
  expect(answers).toEqual([]);
});

test("a process whose lease was lost and that others removed from its sessions registers again within a lease", async () => {
  const never = { sweepMs: 600_000 };
  const [holder, other] = [startProcess(server, { ...never, leaseMs: 600 }), startProcess(server, never)];
  const client = new Redis(server.port);
  onTestFinished(() => client.disconnect());
  const { id } = aCreation();
  await other.store.create(aCreation({ id }));
  await hold(holder.store, holder.host, id);
  const { nodes } = await other.store.presence(id);
  // The process may renew its lease at any time, so that it has lost its registration before it finds the lease lost.
  await client.hdel(`ws:s:{${id}}`, "h");
  expect(await client.del(`ws:n:${nodes[0]?.node}`)).toBe(1);
  await until(async () => (await other.store.presence(id)).nodes.length === 1);
  expect(await other.store.presence(id)).toEqual({ nodes, missing: [] });
});

async function leaseKeys(client: Redis): Promise<string[]> {
  return client.keys("ws:n:*");
}

test("fault B6: a value of another type in place of the lease is replaced, and the process is healthy again", async () => {
  const { store } = startProcess(server, { prefix: "typed", leaseMs: 900 });
  const client = new Redis(server.port);
  onTestFinished(() => client.disconnect());
  await until(async () => (await store.health(HEALTH_MS)).ok);
  const [lease = ""] = await client.keys("typed:n:*");
  await client.multi().del(lease).rpush(lease, "another application").exec();
  await until(async () => (await client.type(lease)) === "string");
  await until(async () => (await store.health(HEALTH_MS)).ok);
  expect(await client.pttl(lease)).toBeGreaterThan(0);
});

test("fault B: without the right to read its lease a process is not healthy, and keeps the lease that it has", async () => {
  const own = await aServer();
  const { store } = startProcess(own, { leaseMs: 900 });
  const client = new Redis(own.port);
  onTestFinished(() => client.disconnect());
  await until(async () => (await store.health(HEALTH_MS)).ok);
  const [lease = ""] = await leaseKeys(client);
  // GETRANGE is another right.
  const read = () => client.getrange(lease, 0, -1);
  const value = await read();
  await cli(own.port, "acl", "setuser", "default", "-get");
  await until(async () => !(await store.health(HEALTH_MS)).ok);
  expect(["", value]).toContain(await read());
  await cli(own.port, "acl", "setuser", "default", "+get");
  await until(async () => (await store.health(HEALTH_MS)).ok);
});

test("fault B6: a process whose lease is lost does not remove itself from its sessions, and destroy reaches its sockets", async () => {
  const other = startProcess(server);
  const client = new Redis(server.port);
  onTestFinished(() => client.disconnect());
  // It renews its lease every 20 seconds.
  const holder = startProcess(server, { sweepMs: 100, leaseMs: 60_000 });
  const { id } = aCreation();
  await other.store.create(aCreation({ id }));
  await hold(holder.store, holder.host, id);
  // Leases of the tests before may still exist, so the session names its holder.
  const [{ node } = expect.fail("nobody holds it")] = (await holder.store.presence(id)).nodes;
  const lease = `ws:n:${node}`;
  expect(await client.del(lease)).toBe(1);
  // Its own sweep comes by at least once.
  const before = await reads(client);
  await until(async () => (await reads(client)) >= before + 2);
  expect(await client.exists(lease)).toBe(0);
  expect(await holder.store.presence(id)).toMatchObject({ nodes: [{ connections: 1 }], missing: [] });
  expect(await other.store.destroy(id, "enough", true)).toEqual({
    destroyed: [id],
    closed: 1,
    unreachable: [],
  });
  expect(holder.host.eventsOf(id)).toEqual([{ type: "destroyed", id, reason: "enough" }]);
});

test("fault B6: a process is removed only after two checks, a lease apart, that find no lease", async () => {
  const leaseMs = 2_000;
  const sweeping = startProcess(server, { leaseMs, sweepMs: 50 });
  const client = new Redis(server.port);
  onTestFinished(() => client.disconnect());
  const { id } = aCreation();
  await sweeping.store.create(aCreation({ id }));
  await hold(sweeping.store, sweeping.host, id);
  const key = `ws:s:{${id}}`;
  const own = await client.hget(key, "h");
  await client.hset(key, "h", `blinking=1.7,${own}`);
  const isMissing = async (): Promise<boolean> => {
    const { missing } = await sweeping.store.presence(id);
    return missing[0] === "blinking";
  };
  await until(isMissing);
  await client.set("ws:n:blinking", "1");
  // The process sets its lease again, so earlier results no longer count.
  await until(async () => !(await isMissing()));
  await client.del("ws:n:blinking");
  const goneAt = performance.now();
  await until(isMissing);
  expect(await client.hget(key, "h")).toContain("blinking");
  await until(async () => (await client.hget(key, "h")) === own);
  expect(performance.now() - goneAt).toBeGreaterThanOrEqual(leaseMs);
});

test("fault B6: full memory does not prevent the renewal of a lease", async () => {
  const small = await startRedis(["--maxmemory-policy", "noeviction"]);
  onTestFinished(() => small.stop());
  const leaseMs = 1_000;
  const [holder, onlooker] = [startProcess(small, { leaseMs }), startProcess(small, { leaseMs })];
  const client = new Redis(small.port);
  onTestFinished(() => client.disconnect());
  const { id } = aCreation();
  await onlooker.store.create(aCreation({ id }));
  await hold(holder.store, holder.host, id);
  const keys = await leasesOf(client, 2);
  await client.config("SET", "maxmemory", "1");
  // An existing key is renewed, and a lost one is set again.
  await client.del(keys[0] ?? "");
  await until(async () => (await client.exists(...keys)) === 2);
  const renewedAt = performance.now();
  await until(() => performance.now() > renewedAt + 2 * leaseMs);
  // A process that stood still may have no lease for a moment.
  await until(async () => (await client.exists(...keys)) === 2);
  expect(await onlooker.store.presence(id)).toMatchObject({ nodes: [{ connections: 1 }], missing: [] });
  expect(await onlooker.store.destroy(id, undefined, true)).toMatchObject({ closed: 1, unreachable: [] });
});

/** The leases of this test's processes. Those of other tests may still exist. */
async function leasesOf(client: Redis, atLeast: number): Promise<string[]> {
  await until(async () => (await leaseKeys(client)).length >= atLeast);
  return leaseKeys(client);
}

/** How often a session's metadata and holders were read. */
async function reads(client: Redis): Promise<number> {
  return Number(/cmdstat_hmget:calls=(\d+)/.exec(await client.info("commandstats"))?.[1] ?? 0);
}
