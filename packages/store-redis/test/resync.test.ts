import { Redis } from "ioredis";
import { expect, onTestFinished, test } from "vitest";
import { aCreation, aWrite, hold } from "./fake-host.ts";
import { startLateness } from "./lateness.ts";
import { type Process, startProcess } from "./processes.ts";
import { startRedis, until } from "./redis-server.ts";
import { startProxy } from "./tcp-proxy.ts";

/** For what a busy machine adds to a bound. */
const SLACK_MS = 900;

test("a change that was missed while commands could not be sent is read as soon as commands and announcements arrive again", async () => {
  const server = await startRedis();
  onTestFinished(() => server.stop());
  const proxy = await startProxy(server);
  onTestFinished(() => proxy.close());
  const timing = { timeoutMs: 1_000, sweepMs: 600_000 };
  const cut = startProcess(() => {
    const client = new Redis(server.port, "127.0.0.1");
    const duplicate = client.duplicate.bind(client);
    let made = 0;
    // Only its commands go through the proxy.
    client.duplicate = (options) => {
      made += 1;
      const own = duplicate(options);
      if (made === 1) own.options.port = proxy.port;
      return own;
    };
    return client;
  }, timing);
  const other = startProcess(server, timing);
  const { id } = aCreation();
  await other.store.create(aCreation({ id }));
  await hold(cut.store, cut.host, id);

  proxy.refuse(true);
  proxy.cut();
  await other.client.call("CLIENT", "KILL", "TYPE", "pubsub");
  await other.store.write(aWrite(id, { visits: 1 }));
  await expect(cut.store.load(id)).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
  expect(cut.host.held(id)?.version).toBe(1);
  proxy.refuse(false);
  await until(() => cut.host.held(id)?.version === 2);
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

test("fault B11: a sweep reads a tenth of the held sessions while the subscription is confirmed", async () => {
  const { port, client } = await serverAlone();
  const sweepMs = 300;
  const holder = startProcess({ port }, { sweepMs, timeoutMs: 10_000 });
  const held = 400;
  await holdMany(holder, held);
  await client.config("RESETSTAT");
  // The first sweep reads all sessions, because none was read since the subscription was confirmed.
  await until(async () => (await reads(client)) >= held);
  const [before, from] = [await reads(client), performance.now()];
  await until(async () => (await reads(client)) >= before + held / 2);
  const sweeps = (performance.now() - from) / (sweepMs / 2);
  expect(((await reads(client)) - before) / sweeps).toBeLessThan(held / 4);
});

test("with allowEviction each held session is read again within sweepMs, although a sweep takes a third of it", async () => {
  const { port } = await serverAlone();
  // Long, because a busy machine is late by the same time in a short sweep and in a long one.
  const sweepMs = 4_500;
  // At 1,000 sessions a second the sweep would take longer than a third of `sweepMs`, so it takes its longest time.
  const held = 2_700;
  const holder = startProcess({ port }, { sweepMs, timeoutMs: 10_000, allowEviction: true });
  await holdMany(holder, held);
  // Each sweep reads all sessions, so the reads since the first sweep show when each sweep began and ended.
  const begins: number[] = [];
  const ends: number[] = [];
  const lateMs = startLateness({ port });
  // Without the time in which the process or the server stood still.
  const now = (): number => performance.now() - lateMs();
  const { diagnostics } = holder.store;
  const first = diagnostics.sweptSessions;
  await until(() => {
    const read = diagnostics.sweptSessions - first;
    if (read > begins.length * held) begins.push(now());
    if (read >= (ends.length + 1) * held) ends.push(now());
    return ends.length === 3;
  }, 45_000);
  // The session that was read first in a sweep may be read last in the next one.
  for (const [sweep, end] of ends.slice(1).entries())
    expect(end - (begins[sweep] ?? Number.NaN)).toBeLessThan(sweepMs + SLACK_MS);
}, 60_000);

test("fault B11: after new connections the next sweep reads all held sessions, because announcements may have been lost", async () => {
  const { port, client } = await serverAlone();
  const sweepMs = 3_000;
  const holder = startProcess({ port }, { sweepMs, timeoutMs: 10_000 });
  const writer = startProcess({ port }, { sweepMs: 600_000 });
  const ids = await holdMany(holder, 50);
  await client.config("RESETSTAT");
  await until(async () => (await reads(client)) >= ids.length);
  // Redis has lost the holders, as after a failover, so changes are not announced.
  for (const id of ids) {
    await client.hdel(`ws:s:{${id}}`, "h");
    await writer.store.write(aWrite(id, { n: 1 }));
  }
  await client.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
  // A tenth in each sweep would take ten sweeps, of 1.5 seconds each or longer.
  await until(() => ids.every((id) => holder.host.held(id)?.version === 2), 10_000);
});

test("fault B11: after a lost connection the held sessions are read at a limited rate, and not all at once", async () => {
  const { port, client } = await serverAlone();
  const holder = startProcess({ port }, { sweepMs: 20_000, timeoutMs: 10_000 });
  const held = 1_500;
  await holdMany(holder, held);
  await client.config("RESETSTAT");
  await client.call("CLIENT", "KILL", "TYPE", "pubsub");
  await until(async () => (await reads(client)) > 0);
  const from = performance.now();
  await until(async () => (await reads(client)) >= held);
  // 1,000 a second, and the first batch at once.
  expect(performance.now() - from).toBeGreaterThan(1_000);
});
