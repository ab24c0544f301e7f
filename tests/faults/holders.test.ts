import { afterEach, beforeEach, expect, onTestFinished, test } from "vitest";
import { connect } from "node:net";
import { once } from "node:events";
import { startLateness } from "../../packages/store-redis/test/lateness.ts";
import { type RedisServer, startRedis, until } from "../../packages/store-redis/test/redis-server.ts";
import { type Application, type ApplicationOptions, openApplication } from "./application.mjs";
import { ApplicationProcess } from "./processes.ts";
import { Proxy } from "./proxy.ts";

/** Longer than a test, so that no sweep causes the observed effects. */
const NEVER_MS = 600_000;

let redis: RedisServer;
let proxy: Proxy;

beforeEach(async () => {
  redis = await startRedis();
  proxy = await Proxy.start(redis.port);
});

afterEach(async () => {
  await proxy.stop();
  await redis.stop();
});

async function application(port: number, options: Partial<ApplicationOptions> = {}): Promise<Application> {
  const opened = await openApplication({
    redis: { kind: "standalone", port },
    timeoutMs: 6_000,
    sweepMs: NEVER_MS,
    confirmMs: 1_000,
    ...options,
  });
  onTestFinished(() => opened.close());
  return opened;
}

async function applicationProcess(options: Partial<ApplicationOptions> = {}): Promise<ApplicationProcess> {
  const started = await ApplicationProcess.start({
    redis: { kind: "standalone", port: redis.port },
    timeoutMs: 6_000,
    sweepMs: NEVER_MS,
    ...options,
  });
  onTestFinished(() => started.kill());
  return started;
}

test("a process killed with SIGKILL stops counting after its lease, and its session continues elsewhere with all acknowledged writes (I7)", async () => {
  const leaseMs = 2_000;
  const here = await application(redis.port, { leaseMs });
  const there = await applicationProcess({ leaseMs });
  const created = await here.create();
  const { id } = created;
  await there.call("connect", created);
  for (let value = 0; value < 20; value += 1)
    await there.call("append", { id, value: String(value), held: true });
  const before = await here.presence(id);
  expect(before).toMatchObject({ connections: 1, missing: [] });

  await there.kill();
  const lateMs = startLateness(redis);
  const killedAt = performance.now();
  const named = new Set<string>();
  await until(async () => {
    const { connections, missing } = await here.presence(id);
    for (const node of missing) named.add(node);
    return connections === 0;
  });
  expect(performance.now() - killedAt - lateMs()).toBeLessThan(leaseMs + 1_000);
  expect([...named]).toEqual(before.nodes.map(({ node }) => node));

  await here.connect(created);
  expect(here.held(id)?.data.list).toEqual(Array.from({ length: 20 }, (_, value) => String(value)));
  expect((await here.presence(id)).connections).toBe(1);
  // Its entry is removed after two checks, one lease apart (fault B6). The first check came after its lease had expired.
  await until(async () => (await here.presence(id)).missing.length === 0);
  expect(performance.now() - killedAt - lateMs()).toBeLessThan(2 * leaseMs + 1_000);
  expect(await here.presence(id)).toMatchObject({ connections: 1, missing: [] });
});

test("a process stopped for longer than its lease registers and reads its sessions again when it continues (I8)", async () => {
  const leaseMs = 600;
  const here = await application(redis.port, { leaseMs });
  const there = await applicationProcess({ leaseMs });
  const created = await here.create();
  const { id } = created;
  await there.call("connect", created);
  there.pause();
  await until(async () => (await here.presence(id)).connections === 0);
  await here.append({ id, value: "meanwhile" });
  there.continue();
  await until(async () => (await here.presence(id)).connections === 1);
  await until(async () => (await there.call("held", id))?.data.list.includes("meanwhile") === true);
});

test("fault B4: a process that is suspended while holders confirm its destroy counts the confirmations that came in time", async () => {
  const confirmMs = 2_000;
  const here = await application(redis.port, { confirmMs });
  const there = await applicationProcess();
  const created = await here.create();
  const { id } = created;
  await there.call("connect", created);
  there.pause();
  const destroying = here.destroy(id);
  // Once a later command is answered, the destroy was sent. The destroy then waits for the holder.
  await until(async () => (await here.read(id)) === null);
  await here.read(id);
  const end = performance.now() + confirmMs + 300;
  there.continue();
  while (performance.now() < end);
  expect(await destroying).toMatchObject({ destroyed: 1, closed: 1, unreachable: [] });
});

test("a process cut off from Redis serves from memory, its writes report their outcome, and it catches up (I8, I9, I11)", async () => {
  const here = await application(redis.port);
  const cutOff = await application(proxy.port, { timeoutMs: 1_500 });
  const [kept, ended] = [await here.create(), await here.create()];
  await cutOff.connect(kept);
  await cutOff.connect(ended);
  proxy.refuse();
  await here.append({ id: kept.id, value: "by another" });
  await here.destroy(ended.id);
  expect(cutOff.held(kept.id)?.data.list).toEqual([]);
  const write = cutOff.append({ id: kept.id, value: "never", held: true });
  await expect(write).rejects.toMatchObject({ code: "STORE_UNAVAILABLE", outcome: "not-applied" });
  await expect(cutOff.connect(kept)).rejects.toThrow("503");
  expect(cutOff.codes(kept.id)[0]).toBe(null);
  proxy.accept();
  await until(() => cutOff.held(kept.id)?.data.list.length === 1);
  await until(() => cutOff.codes(ended.id)[0] === 4410);
  expect((await here.read(kept.id))?.data.list).toEqual(["by another"]);
});

test("while a subscription is cut and commands work, changes and destroys arrive within a sweep (I8, I9)", async () => {
  const sweepMs = 500;
  const here = await application(redis.port);
  const deaf = await application(proxy.port, { sweepMs });
  const [changed, destroyed] = [await here.create(), await here.create()];
  await deaf.connect(changed);
  await deaf.connect(destroyed);
  const { nodes } = await here.presence(changed.id);
  proxy.refuse("subscriptions");

  const lateMs = startLateness(redis);
  const startedAt = performance.now();
  await here.append({ id: changed.id, value: "unheard" });
  const report = await here.destroy(destroyed.id);
  expect(report).toEqual({ destroyed: 1, closed: 0, unreachable: nodes.map(({ node }) => node) });
  await until(() => deaf.held(changed.id)?.data.list.length === 1);
  await until(() => deaf.codes(destroyed.id)[0] === 4410);
  // The time limits of the sweep and of the call, plus a margin for a busy machine.
  expect(performance.now() - startedAt - lateMs()).toBeLessThan(sweepMs + 1_000 + 1_000);
  expect(await deaf.append({ id: changed.id, value: "its own", held: true })).toBe(1);

  proxy.accept();
  const next = await here.create();
  await until(async () => (await deaf.connect(next)) === 1);
  expect(await here.destroy(next.id)).toMatchObject({ destroyed: 1, closed: 1, unreachable: [] });
});

test("a half-open connection does not keep its session: the heartbeat ends it", async () => {
  const here = await application(redis.port, { heartbeatMs: 400 });
  const { id, token } = await here.create();
  const { port } = new URL(here.url);
  const silent = connect(Number(port), "127.0.0.1");
  onTestFinished(() => void silent.destroy());
  silent.on("error", () => undefined);
  const key = Buffer.from("sixteen bytes ok").toString("base64");
  silent.write(
    `GET /?token=${token} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\n\r\n`,
  );
  await once(silent, "data");
  expect((await here.presence(id)).connections).toBe(1);
  await until(async () => (await here.presence(id)).connections === 0);
});
