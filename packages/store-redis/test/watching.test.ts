import { Redis } from "ioredis";
import { expect, onTestFinished, test } from "vitest";
import { sweepPause } from "../src/base/pace.ts";
import { aCreation } from "./fake-host.ts";
import { startLateness } from "./lateness.ts";
import { startProcess } from "./processes.ts";
import { until } from "./redis-server.ts";
import { useRedisServer } from "./shared-servers.ts";
import { startProxy } from "./tcp-proxy.ts";

const server = useRedisServer();
/** For what a busy machine adds to a bound. */
const SLACK_MS = 500;

test("a change whose message is lost is reported within sweepMs, and the next changes are reported at once", async () => {
  const sweepMs = 800;
  const prefix = `t${aCreation().id}`;
  const [a, b] = [startProcess(server, { prefix }), startProcess(server, { prefix, sweepMs })];
  for (const { store } of [a, b])
    store.track({ leaveAfterMs: 60_000, isAlways: true, events: new Set(), deliver: async () => undefined });
  const reported: string[] = [];
  const { id } = aCreation();
  await a.store.create(aCreation({ id, subject: "ada", hold: true }));
  await b.store.watch(["ada"], ({ type }) => reported.push(type));
  // As a server that has lost data: the server has no list of the watchers.
  await b.client.del(...(await b.client.keys(`${prefix}:w:*`)));
  const lateMs = startLateness(server);
  const lostAt = performance.now();
  await a.store.release(id);
  await until(() => reported.at(-1) === "away");
  expect(performance.now() - lostAt - lateMs()).toBeLessThan(sweepMs + SLACK_MS);
  const [reportedAt, lateBefore] = [performance.now(), lateMs()];
  await a.store.resume({
    ...{ id, digest: undefined, nextDigest: undefined, subject: undefined, exclusive: false },
    ...{ idleMs: 60_000, hold: true },
  });
  await until(() => reported.at(-1) === "online");
  expect(performance.now() - reportedAt - (lateMs() - lateBefore)).toBeLessThan(sweepMs / 2);
  expect(reported).toEqual(["online", "away", "online"]);
});

test("the changes of a subject are sent to the processes that watch it, and to no process that watches other subjects or none", async () => {
  const prefix = `t${aCreation().id}`;
  const processes = ["a", "b", "c", "d"].map((node) => {
    const started = startProcess(server, { prefix, node, sweepMs: 600_000 });
    started.store.track({
      ...{ leaveAfterMs: 60_000, isAlways: true, events: new Set() },
      deliver: async () => undefined,
    });
    return started;
  });
  const [a, b, c] = processes;
  if (a === undefined || b === undefined || c === undefined) return expect.unreachable();
  const reported = new Map<string, string[]>([
    ["b", []],
    ["c", []],
  ]);
  const others = Array.from({ length: 1_000 }, (_, n) => `other${n}`);
  await c.store.watch(others, ({ subject }) => reported.get("c")?.push(subject));
  await b.store.watch(["ada", ...others], ({ subject }) => reported.get("b")?.push(subject));
  const spy = new Redis(server.port);
  onTestFinished(() => spy.disconnect());
  const receivers: string[] = [];
  await spy.psubscribe(`${prefix}:k:*`);
  spy.on("pmessage", (_, channel: string, message: string) => {
    if (message.startsWith('["v"')) receivers.push(channel.slice(`${prefix}:k:`.length, -"~12345678".length));
  });
  const { id } = aCreation();
  await a.store.create(aCreation({ id, subject: "ada", hold: true }));
  await a.store.release(id);
  await until(() => reported.get("b")?.filter((subject) => subject === "ada").length === 3);
  await a.store.create(aCreation({ subject: "other7", hold: true }));
  await until(() =>
    [...reported.values()].every((one) => one.filter((subject) => subject === "other7").length === 2),
  );
  // The spy has a connection of its own, on which the messages may arrive later.
  await until(() => receivers.length >= 4);
  expect(receivers.slice(0, 2)).toEqual(["b", "b"]);
  expect(receivers.slice(2).toSorted()).toEqual(["b", "c"]);
});

test.each([0, 10, 4_000, 7_500, 11_250])(
  "sweeps that take %i ms each read every subject again within sweepMs",
  (tookMs) => {
    const sweepMs = 30_000;
    for (const random of [0, 0.5, 0.999])
      expect(tookMs + sweepPause(sweepMs, tookMs, random) + tookMs).toBeLessThanOrEqual(sweepMs);
  },
);

test("sweeps that take longer than sweepMs, because Redis is overloaded, leave pauses", () => {
  expect(sweepPause(30_000, 40_000)).toBe(7_500);
});

test("fault A1: a read of a watched subject that is in progress when the store is closed is no failure of Redis", async () => {
  const proxy = await startProxy(server);
  onTestFinished(() => proxy.close());
  const { store, host } = startProcess(proxy, {
    sweepMs: 50,
    timeoutMs: 1_000,
    prefix: `t${aCreation().id}`,
  });
  // A call of a busy machine may take longer than `timeoutMs`, by which the close ends.
  await until(async () => (await store.create(aCreation({ subject: "ada", hold: true }))).type === "created");
  await until(() => store.watch(["ada"], () => undefined).then(() => true));
  const closed = new Promise<number>((resolve, reject) => {
    proxy.holdFrom("hmget", () => {
      const reportsBefore = host.errors.length;
      store.close().then(() => resolve(reportsBefore), reject);
    });
  });
  expect(host.errors.slice(await closed)).toEqual([]);
});
