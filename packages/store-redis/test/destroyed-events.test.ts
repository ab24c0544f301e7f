// The event `destroyed` of a session whose destroyer has no function for the event.
import { setTimeout as delay } from "node:timers/promises";
import { Redis } from "ioredis";
import type { SessionEvent, SessionEventType } from "@wsession/core";
import { expect, onTestFinished, test } from "vitest";
import { aCreation, aResume } from "./fake-host.ts";
import { startLateness } from "./lateness.ts";
import { loadScripts } from "./lost-replies.ts";
import { connected, type Process, startProcess } from "./processes.ts";
import { startRedis, until } from "./redis-server.ts";
import { useRedisServer } from "./shared-servers.ts";
import { startProxy } from "./tcp-proxy.ts";

const server = useRedisServer();

interface Listening extends Process {
  readonly events: (readonly [type: SessionEventType, event: SessionEvent])[];
}

function listening(
  types: readonly SessionEventType[],
  options: Parameters<typeof startProcess>[1] = {},
  address: { readonly port: number } = server,
): Listening {
  const started = startProcess(address, { leaseMs: 1_000, ...options });
  const events: Listening["events"] = [];
  started.store.track({
    leaveAfterMs: 60_000,
    isAlways: true,
    events: new Set(types),
    deliver: async (type, event) => void events.push([type, event]),
  });
  return Object.assign(started, { events });
}

test("a process that is cut off right after the destruction, before its next command, does not take the event with it", async () => {
  await loadScripts(server);
  const proxy = await startProxy(server);
  onTestFinished(() => proxy.close());
  // Longer than the pause between two reads of the queue, so that a session that is due too early is found while it still lives.
  const delayMs = 1_000;
  // The destruction takes three commands.
  const timeoutMs = 4 * delayMs;
  const prefix = "cut";
  const a = listening(["destroyed"], { prefix });
  const destroyer = startProcess({ port: proxy.port }, { prefix, timeoutMs });
  await connected(destroyer);
  const { id } = aCreation();
  await a.store.create(aCreation({ id, subject: "ada", hold: true }));
  // The command after the destruction is still on its way when the connection is cut.
  proxy.delayRequests(delayMs);
  const lateMs = startLateness(server);
  const startedAt = performance.now();
  destroyer.store.destroy(id, undefined, false).catch(() => undefined);
  await until(() => a.host.eventsOf(id).some(({ type }) => type === "destroyed"));
  proxy.refuse(true);
  proxy.cut("lost");
  await until(() => a.events.length === 1);
  expect(a.events).toMatchObject([["destroyed", { sessionId: id, subject: "ada" }]]);
  // The bound of docs/presence.md, from the time at which the session was listed.
  expect(performance.now() - startedAt - lateMs()).toBeLessThan(2 * delayMs + timeoutMs + 1_000 + 2_000);
});

test("the event of a destruction by a process without a function is reported within a second", async () => {
  const prefix = "soon";
  const a = listening(["destroyed"], { prefix });
  const silent = startProcess(server, { prefix, timeoutMs: 30_000 });
  const { id } = aCreation();
  await a.store.create(aCreation({ id, subject: "ada" }));
  await silent.store.destroy(id, undefined, false);
  const lateMs = startLateness(server);
  const destroyedAt = performance.now();
  await until(() => a.events.length === 1);
  // A busy machine adds to the second.
  expect(performance.now() - destroyedAt - lateMs()).toBeLessThan(3_000);
});

test("a process without the function that takes over the queue of a dead process does not lose the event", async () => {
  const proxy = await startProxy(server);
  onTestFinished(() => proxy.close());
  const prefix = "taken";
  const dead = startProcess({ port: proxy.port }, { prefix, leaseMs: 1_000, timeoutMs: 2_000 });
  const begun: string[] = [];
  dead.store.track({
    leaveAfterMs: 60_000,
    isAlways: true,
    events: new Set(["destroyed"]),
    // The process dies before the function settles.
    deliver: (_, { id }) => new Promise(() => void begun.push(id)),
  });
  await connected(dead);
  const { id } = aCreation();
  await dead.store.create(aCreation({ id, subject: "ada" }));
  const other = listening(["left", "expired"], { prefix });
  await connected(other);
  await dead.store.destroy(id, undefined, false);
  await until(() => begun.length === 1);
  proxy.refuse(true);
  proxy.cut();
  await until(async () => (await other.client.zcard(`${prefix}:d:destroyed`)) === 1);
  const heir = listening(["destroyed"], { prefix });
  await until(() => heir.events.length === 1);
  expect(heir.events).toMatchObject([["destroyed", { id: begun[0], sessionId: id }]]);
  expect(other.events).toEqual([]);
});

test("a `left` without a process that handles it does not delay `expired`", async () => {
  const proxy = await startProxy(server);
  onTestFinished(() => proxy.close());
  const prefix = "unwanted-left";
  const dead = startProcess({ port: proxy.port }, { prefix, leaseMs: 1_000, timeoutMs: 2_000 });
  const begun: string[] = [];
  dead.store.track({
    leaveAfterMs: 100,
    isAlways: true,
    events: new Set(["left"]),
    // The process dies before the function settles.
    deliver: (_, { sessionId }) => new Promise(() => void begun.push(sessionId)),
  });
  await connected(dead);
  const { id } = aCreation();
  const startedAt = performance.now();
  await dead.store.create(aCreation({ id, subject: "ada", idleMs: 6_000, hold: true }));
  await dead.store.release(id);
  await until(() => begun.includes(id));
  const other = listening(["expired"], { prefix });
  await connected(other);
  proxy.refuse(true);
  proxy.cut();
  await until(() => other.events.length === 1, 15_000);
  expect(other.events).toMatchObject([["expired", { sessionId: id, subject: "ada" }]]);
  expect(performance.now() - startedAt).toBeGreaterThan(5_900);
});

test("a record of a release without the mark is marked by the next visit, and causes the event from then on", async () => {
  const prefix = "unmarked";
  const a = listening(["destroyed"], { prefix });
  const silent = startProcess(server, { prefix });
  const ids = Array.from({ length: 3 }, () => aCreation().id);
  for (const id of ids) await a.store.create(aCreation({ id, hold: true }));
  for (const id of ids) await a.client.hdel(`${prefix}:s:{${id}}`, "i");
  const [resumed = "", released = "", neither = ""] = ids;
  await a.store.resume(aResume(resumed, { hold: true }));
  await a.store.release(released);
  for (const id of ids) expect((await silent.store.destroy(id, undefined, false)).destroyed).toEqual([id]);
  await until(() => a.events.length === 2);
  expect(a.events.map(([, { sessionId }]) => sessionId).toSorted()).toEqual([resumed, released].toSorted());
  // The destruction by a process with the function needs no mark.
  const late = aCreation().id;
  await a.store.create(aCreation({ id: late }));
  await a.client.hdel(`${prefix}:s:{${late}}`, "i");
  await a.store.destroy(late, undefined, false);
  await until(() => a.events.length === 3);
  expect(a.events.some(([, { sessionId }]) => sessionId === neither)).toBe(false);
});

test("watching processes get a report at once when a process that records nothing destroys a session", async () => {
  const prefix = "watched";
  const a = listening([], { prefix, sweepMs: 600_000, leaseMs: 60_000 });
  const { id } = aCreation();
  await a.store.create(aCreation({ id, subject: "ada", hold: true }));
  const reported: string[] = [];
  await a.store.watch(["ada"], ({ type }) => reported.push(type));
  await a.store.release(id);
  await until(() => reported.at(-1) === "away");
  // The first sweep, a second after the watch began, would find the change too.
  await delay(1_500);
  const silent = startProcess(server, { prefix });
  await silent.store.destroy(id, undefined, false);
  await until(() => reported.at(-1) === "offline", 5_000);
  expect(reported).toEqual(["online", "away", "offline"]);
});

test("fault B6: at maxmemory a session is destroyed, and the event follows once there is memory again", async () => {
  const small = await startRedis(["--maxmemory-policy", "noeviction"]);
  onTestFinished(() => small.stop());
  const a = listening(["destroyed"], {}, small);
  const silent = startProcess(small, {});
  const ids = [aCreation().id, aCreation().id];
  for (const id of ids) await a.store.create(aCreation({ id, subject: "ada" }));
  await silent.store.destroy(aCreation().id, undefined, false);
  const client = new Redis(small.port);
  onTestFinished(() => client.disconnect());
  await client.config("SET", "maxmemory", "1");
  const [one = "", two = ""] = ids;
  expect((await silent.store.destroy(one, undefined, false)).destroyed).toEqual([one]);
  expect((await a.store.destroy(two, undefined, false)).destroyed).toEqual([two]);
  await client.config("SET", "maxmemory", "0");
  await until(() => a.events.length >= 2);
  expect(a.events.map(([, { sessionId }]) => sessionId).toSorted()).toEqual(ids.toSorted());
});

test("entries that no process takes leave the queue after a day, and the queue itself expires", async () => {
  const prefix = "untaken";
  const a = listening(["destroyed"], { prefix });
  const ids = [aCreation().id, aCreation().id];
  for (const id of ids) await a.store.create(aCreation({ id }));
  await a.store.close();
  const silent = startProcess(server, { prefix });
  const key = `${prefix}:d:destroyed`;
  await silent.client.zadd(key, String(Date.now() - 86_400_001), "old");
  await silent.client.zadd(key, String(Date.now() - 86_000_000), "young");
  for (const id of ids) await silent.store.destroy(id, undefined, false);
  await until(async () => (await silent.client.zcard(key)) === 3);
  expect((await silent.client.zrange(key, "0", "-1")).toSorted()).toEqual([...ids, "young"].toSorted());
  expect(await silent.client.pttl(key)).toBeGreaterThan(86_000_000);
});
