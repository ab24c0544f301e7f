import { Redis } from "ioredis";
import { redisStore } from "@wsession/store-redis";
import { expect, onTestFinished, test } from "vitest";
import { aCreation, aWrite, FakeHost, hold } from "./fake-host.ts";
import { type Process, startProcess } from "./processes.ts";
import { startRedis, until } from "./redis-server.ts";

test("what was missed is read once Redis can be asked again, though the subscription was back long before (design 9)", async () => {
  const server = await startRedis();
  onTestFinished(() => server.stop());
  const open = (retryMs: number) => {
    const client = new Redis(server.port, "127.0.0.1", { retryStrategy: () => retryMs });
    const store = redisStore({ client, timeoutMs: 700, sweepMs: 600_000 });
    const host = new FakeHost();
    store.attach(host);
    onTestFinished(async () => {
      await store.close();
      client.disconnect();
    });
    return { client, store, host };
  };
  const slow = open(1_500);
  const other = open(20);
  const { id } = aCreation();
  await other.store.create(aCreation({ id }));
  await hold(slow.store, slow.host, id);

  slow.client.disconnect(true);
  await other.client.call("CLIENT", "KILL", "TYPE", "pubsub");
  await other.store.write(aWrite(id, { visits: 1 }));
  await until(() => slow.host.errors.length > 0);
  expect(slow.client.status).not.toBe("ready");
  expect(slow.host.held(id)?.version).toBe(1);
  await until(() => slow.host.held(id)?.version === 2);
});

async function holdMany(process: Process, count: number): Promise<string[]> {
  const ids = Array.from({ length: count }, () => aCreation().id);
  await Promise.all(ids.map((id) => process.store.create(aCreation({ id }))));
  await Promise.all(ids.map((id) => hold(process.store, process.host, id)));
  return ids;
}

/** How often a session's metadata and holders were read. */
async function reads(client: Redis): Promise<number> {
  return Number(/cmdstat_hmget:calls=(\d+)/.exec(await client.info("commandstats"))?.[1] ?? 0);
}

/** A server of its own, since the reads of all its processes are counted; `client` counts. */
async function serverAlone(): Promise<{ readonly port: number; readonly client: Redis }> {
  const server = await startRedis();
  const client = new Redis(server.port);
  onTestFinished(async () => {
    client.disconnect();
    await server.stop();
  });
  return { port: server.port, client };
}

test("fault B11: a sweep reads a tenth of what is held, while the subscription is proved to hear; everything after a doubt", async () => {
  const { port, client } = await serverAlone();
  const sweepMs = 300;
  const holder = startProcess({ port }, { sweepMs });
  const held = 400;
  await holdMany(holder, held);
  await client.config("RESETSTAT");
  // The first sweep reads all: nothing was read since the subscription was there.
  await until(async () => (await reads(client)) >= held);
  const [before, from] = [await reads(client), performance.now()];
  await until(async () => (await reads(client)) >= before + held / 2);
  const sweeps = (performance.now() - from) / (sweepMs / 2);
  expect(((await reads(client)) - before) / sweeps).toBeLessThan(held / 4);

  // Redis lost that it is held, as after a failover, and so does not announce a change; connections are made anew.
  const writer = startProcess({ port }, { sweepMs: 600_000 });
  const { id } = aCreation();
  await writer.store.create(aCreation({ id }));
  await hold(holder.store, holder.host, id);
  await client.hdel(`ws:s:{${id}}`, "h");
  await writer.store.write(aWrite(id, { n: 1 }));
  await client.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
  await until(() => holder.host.held(id)?.version === 2, sweepMs + 2_000);
});

test("fault B11: after a cut what is held is read again over a while, and not all at once", async () => {
  const { port, client } = await serverAlone();
  const holder = startProcess({ port }, { sweepMs: 20_000 });
  const held = 1_500;
  await holdMany(holder, held);
  await client.config("RESETSTAT");
  await client.call("CLIENT", "KILL", "TYPE", "pubsub");
  await until(async () => (await reads(client)) > 0);
  const from = performance.now();
  await until(async () => (await reads(client)) >= held);
  // 1,000 a second, of which one batch is there at once.
  expect(performance.now() - from).toBeGreaterThan(1_000);
});
