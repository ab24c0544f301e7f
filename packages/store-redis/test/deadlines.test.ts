import { setTimeout } from "node:timers/promises";
import { type Command, Redis } from "ioredis";
import { describe, expect, onTestFinished, test } from "vitest";
import { aCreation, aResume, aWrite } from "./fake-host.ts";
import { startLateness } from "./lateness.ts";
import { clusterOf, connected, startProcess } from "./processes.ts";
import {
  type RedisServer,
  cli,
  startCluster,
  startRedis,
  startSentinel,
  until,
  untilCopied,
} from "./redis-server.ts";
import { startProxy } from "./tcp-proxy.ts";

async function aServer(args: readonly string[] = []): Promise<RedisServer> {
  const server = await startRedis(args);
  onTestFinished(() => server.stop());
  return server;
}

describe("every call settles within its deadline (I11)", () => {
  test("while the server is stopped, and is not applied after the deadline", async () => {
    const server = await aServer();
    const { store } = startProcess(server, { timeoutMs: 300 });
    await connected({ store });
    const { id } = aCreation();
    await until(async () => (await store.create(aCreation({ id, data: { n: 0 } }))).type !== "full");
    server.pause();
    const lateMs = startLateness();
    const startedAt = performance.now();
    const calls = [
      store.write(aWrite(id, { n: 1 })),
      store.load(id),
      store.touch(id, 1_000),
      store.resume(aResume(id)),
      store.destroy(id, undefined, true),
      store.presence(id),
      store.bySubject("ann"),
    ];
    const settled = await Promise.allSettled(calls);
    expect(performance.now() - startedAt - lateMs()).toBeLessThan(2_500);
    for (const result of settled) {
      expect(result).toMatchObject({
        status: "rejected",
        reason: { code: "STORE_UNAVAILABLE", outcome: "unknown" },
      });
    }
    await setTimeout(350);
    server.continue();
    await until(async () => (await store.load(id)) !== undefined);
    // The server refused the calls that had waited in its socket as too late, even the destruction.
    expect(await store.load(id)).toMatchObject({ version: 1, data: { n: 0 } });
  });

  test("if no server answers, and the call was never given to the client", async () => {
    const server = await aServer();
    const proxy = await startProxy(server);
    onTestFinished(() => proxy.close());
    proxy.refuse(true);
    const { store } = startProcess(() => new Redis({ port: proxy.port, retryStrategy: () => 10 }), {
      timeoutMs: 200,
    });
    const creation = aCreation();
    const calls = [
      store.create(creation),
      store.write(aWrite(creation.id, { n: 1 })),
      store.create({ ...creation, hold: true }),
    ];
    for (const result of await Promise.allSettled(calls)) {
      expect(result).toMatchObject({
        status: "rejected",
        reason: { code: "STORE_UNAVAILABLE", outcome: "not-applied" },
      });
    }
    proxy.refuse(false);
    await until(async () => (await store.create(creation)).type === "created");
    expect((await store.load(creation.id))?.version).toBe(1);
  });

  test("at once if the client was closed", async () => {
    const server = await aServer();
    // A call that waits for a connection would take this long.
    const { store, client } = startProcess(server, { timeoutMs: 30_000 });
    await store.load(aCreation().id);
    client.disconnect();
    await until(() => client.status === "end");
    const lateMs = startLateness();
    const startedAt = performance.now();
    await expect(store.create(aCreation())).rejects.toMatchObject({
      code: "STORE_UNAVAILABLE",
      outcome: "not-applied",
    });
    expect(performance.now() - startedAt - lateMs()).toBeLessThan(5_000);
  });

  test("with a client that connects at its first command", async () => {
    const server = await aServer();
    const { store } = startProcess(() => new Redis({ port: server.port, lazyConnect: true }));
    expect((await store.create(aCreation())).type).toBe("created");
  });

  test("with a Cluster whose nodes are stopped", async () => {
    const cluster = await startCluster();
    onTestFinished(() => cluster.stop());
    const { store } = startProcess(clusterOf(cluster.nodes), { timeoutMs: 400 });
    const { id } = aCreation();
    // Its node of the Cluster may not be connected yet.
    await until(async () => (await store.create(aCreation({ id }))).type !== "full");
    for (const node of cluster.nodes) node.pause();
    const lateMs = startLateness();
    const startedAt = performance.now();
    await expect(store.write(aWrite(id, { n: 1 }))).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
    await expect(store.load(id)).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
    expect(performance.now() - startedAt - lateMs()).toBeLessThan(2_500);
    for (const node of cluster.nodes) node.continue();
    await until(async () => (await store.load(id)) !== undefined, 20_000);
  });
});

test("a call that Redis refuses is not applied (I11)", async () => {
  const server = await aServer();
  const { store, client } = startProcess(server);
  const { id } = aCreation();
  await store.create(aCreation({ id, data: { n: 0 } }));
  const expectRefused = async (): Promise<void> => {
    await expect(store.write(aWrite(id, { n: 1 }))).rejects.toMatchObject({
      code: "STORE_UNAVAILABLE",
      outcome: "not-applied",
    });
  };
  await client.config("SET", "maxmemory", "1");
  await expectRefused();
  await client.config("SET", "maxmemory", "0");
  await client.config("SET", "min-replicas-to-write", "1");
  await expectRefused();
  await client.config("SET", "min-replicas-to-write", "0");
  await cli(server.port, "replicaof", "127.0.0.1", "1");
  await expectRefused();
  await cli(server.port, "replicaof", "no", "one");
  expect(await store.load(id)).toMatchObject({ version: 1, data: { n: 0 } });
});

test("a call that Redis refuses until the deadline is not applied, also if each reply takes long (I11)", async () => {
  const server = await aServer();
  const proxy = await startProxy({ host: "127.0.0.1", port: server.port });
  onTestFinished(() => proxy.close());
  const { store } = startProcess(proxy);
  const { id } = aCreation();
  await store.create(aCreation({ id, data: { n: 0 } }));
  await cli(server.port, "config", "set", "min-replicas-to-write", "1");
  proxy.delayRequests(150);
  // The deadlines differ, so that one of them would come while an attempt is sent.
  const refused = Array.from({ length: 8 }, async (_, index) => {
    await setTimeout(index * 30);
    await store.write(aWrite(id, { n: 1 }));
  });
  const outcomes = (await Promise.allSettled(refused)).map(
    (of) => of.status === "rejected" && of.reason.outcome,
  );
  expect(outcomes).toEqual(refused.map(() => "not-applied"));
  await cli(server.port, "config", "set", "min-replicas-to-write", "0");
});

test("the store uses a server again after a restart with its data", async () => {
  const server = await aServer(["--appendonly", "yes", "--appendfsync", "always"]);
  const { store } = startProcess(() => new Redis({ port: server.port, retryStrategy: () => 20 }), {
    // A busy disk may take a second for the file of a write.
    timeoutMs: 4_000,
  });
  await connected({ store });
  const { id } = aCreation();
  await store.create(aCreation({ id }));
  await store.write(aWrite(id, { n: 1 }));
  await server.kill();
  await expect(store.write(aWrite(id, { n: 2 }))).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
  await server.restart();
  await until(async () => (await store.load(id)) !== undefined);
  expect(await store.load(id)).toMatchObject({ version: 2, data: { n: 1 } });
  expect(await store.write(aWrite(id, { n: 3 }, { known: 2 }))).toMatchObject({
    type: "written",
    version: 3,
  });
});

test("writes continue after Sentinel has made a replica the primary", async () => {
  const { primary, replica, sentinels, name, stop } = await startSentinel();
  onTestFinished(stop);
  const addresses = sentinels.map(({ port }) => ({ host: "127.0.0.1", port }));
  const connect = (): Redis =>
    new Redis({ sentinels: addresses, name, sentinelRetryStrategy: () => 50, retryStrategy: () => 50 });
  const { store } = startProcess(connect, { timeoutMs: 1_500 });
  await connected({ store });
  const { id } = aCreation();
  await until(
    async () => (await store.create(aCreation({ id, hold: true, data: { n: 0 } }))).type !== "full",
  );
  await untilCopied([primary, replica], id, 2);
  let health = await store.health(500);
  await until(async () => (health = await store.health(500)).ok);
  expect(health.role).toBe("primary");
  await primary.kill();
  await until(async () => !(await store.health(500)).ok);
  await until(async () => (await store.load(id)) !== undefined, 20_000);
  expect((await store.write(aWrite(id, { n: 1 }))).type).toBe("written");
  // The subscription, too, is made again with the new primary.
  await until(async () => (await store.resume(aResume(id, { hold: true }))).type === "resumed");
  await until(async () => (await store.health(500)).ok);
});

test("a wrong estimate of the server's clock causes a second attempt and no error (I10)", async () => {
  const server = await aServer();
  const { store, commands: client } = startProcess(server);
  const { id } = aCreation();
  await store.create(aCreation({ id, data: { n: 0 } }));
  // The estimate is two hours behind the server's clock. The refusal of a call corrects the estimate.
  const sent = client.sendCommand.bind(client);
  let moved = 0;
  client.sendCommand = (command: Command, ...rest: []) => {
    const at = command.args.findIndex((argument) => /^\d{13}$/.test(String(argument)));
    if (command.name === "evalsha" && moved === 0 && at >= 0) {
      moved += 1;
      command.args[at] = String(Number(command.args[at]) - 7_200_000);
    }
    return sent(command, ...rest);
  };
  expect(await store.write(aWrite(id, { n: 1 }))).toMatchObject({ type: "written", version: 2 });
  expect(moved).toBe(1);
  expect(store.diagnostics).toMatchObject({ late: 1, timeouts: 0, unknown: 0 });
});
