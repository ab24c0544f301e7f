import type { PresenceEvent, SessionEvent, SessionEventType } from "@wsession/core";
import { beforeEach, expect, onTestFinished, test } from "vitest";
import { aCreation, aResume, hold } from "./fake-host.ts";
import { type Process, connected, startProcess } from "./processes.ts";
import { until } from "./redis-server.ts";
import { startProxy } from "./tcp-proxy.ts";
import { useRedisServer } from "./shared-servers.ts";

const server = useRedisServer();
/** Of tests that wait for an absence to end. */
const LEAVE_MS = 300;
/** Of tests in which a call has to come before the absence ends, and that wait for the end nevertheless. */
const LONGER_LEAVE_MS = 2_000;
/** Of tests in which no absence ends. */
const NO_LEAVE_MS = 60_000;
let prefix = "";

beforeEach(() => {
  prefix = `t${aCreation().id}`;
});

interface Recorded extends Process {
  readonly events: (readonly [type: SessionEventType, event: SessionEvent])[];
}

function tracked(
  options: Parameters<typeof startProcess>[1] = {},
  leaveAfterMs = LEAVE_MS,
  address: { readonly port: number } = server,
): Recorded {
  const started = startProcess(address, { prefix, ...options });
  const events: Recorded["events"] = [];
  started.store.track({
    leaveAfterMs,
    isAlways: true,
    events: new Set(["left", "expired", "destroyed"]),
    deliver: async (type, event) => void events.push([type, event]),
  });
  return Object.assign(started, { events });
}

async function watching({ store }: Process, ...subjects: string[]): Promise<string[]> {
  const reported: string[] = [];
  await store.watch(subjects, ({ subject, type }: PresenceEvent) => reported.push(`${subject} ${type}`));
  return reported;
}

const typesOf = ({ events }: Recorded): string[] => events.map(([type]) => type);

test("a dropped session is away on every process, and leaves once", async () => {
  const [a, b] = [tracked({}, LONGER_LEAVE_MS), tracked({}, LONGER_LEAVE_MS)];
  const reported = await watching(b, "ada");
  expect(reported).toEqual(["ada offline"]);
  const { id } = aCreation();
  await a.store.create(aCreation({ id, subject: "ada", hold: true }));
  await until(() => reported.length === 2);
  await a.store.release(id);
  await until(() => reported.length === 3);
  expect(await b.store.presenceOfSubject("ada")).toMatchObject({ type: "away", sessions: [{ id }] });
  await until(() => reported.length === 4);
  expect(reported).toEqual(["ada offline", "ada online", "ada away", "ada offline"]);
  await until(() => a.events.length + b.events.length === 1);
  expect(a.events).toMatchObject([["left", { sessionId: id, subject: "ada" }]]);
});

test("a clean leave leaves at once, and a session that comes back elsewhere does not leave", async () => {
  const [a, b] = [tracked({}, LONGER_LEAVE_MS), tracked({}, LONGER_LEAVE_MS)];
  const reported = await watching(b, "ada");
  const { id } = aCreation();
  await a.store.create(aCreation({ id, subject: "ada", hold: true }));
  await a.store.release(id, "left");
  await until(() => a.events.length === 1);
  await hold(b.store, b.host, id);
  await b.store.release(id);
  await hold(a.store, a.host, id);
  await until(() => reported.at(-1) === "ada online" && reported.length === 6);
  expect(reported).toEqual([
    "ada offline",
    "ada online",
    "ada offline",
    "ada online",
    "ada away",
    "ada online",
  ]);
  await new Promise((resolve) => setTimeout(resolve, LONGER_LEAVE_MS + 500));
  expect([...a.events, ...b.events]).toHaveLength(1);
});

test("a session that is destroyed or expires causes a destroyed or expired event once, and no left event", async () => {
  const [a, b] = [tracked({}, LONGER_LEAVE_MS), tracked({}, LONGER_LEAVE_MS)];
  const [one, two] = [aCreation().id, aCreation().id];
  await a.store.create(aCreation({ id: one, subject: "ada", hold: true }));
  await a.store.create(aCreation({ id: two, subject: "bob", hold: true, idleMs: 400 }));
  await a.store.release(one);
  await b.store.destroy(one, undefined, false);
  await until(() => b.events.length === 1 && a.events.length === 1);
  expect(typesOf(b)).toEqual(["destroyed"]);
  expect(a.events).toMatchObject([["expired", { sessionId: two, subject: "bob" }]]);
  await new Promise((resolve) => setTimeout(resolve, LONGER_LEAVE_MS + 500));
  expect([...a.events, ...b.events]).toHaveLength(2);
  await a.store.release(two);
  await until(async () => (await b.client.keys(`${prefix}:d:*`)).length === 0);
});

test("identify moves a session that is away to its new subject", async () => {
  const a = tracked({}, LONGER_LEAVE_MS);
  const reported = await watching(a, "ada", "bob");
  const { id } = aCreation();
  await a.store.create(aCreation({ id, subject: "ada", hold: true }));
  await a.store.release(id);
  await a.store.rotate({
    ...{ id, digest: "d", renewalDigest: "r", renewalMs: 1, graceMs: 0, subject: "bob" },
    ...{ fence: undefined, known: 1 },
  });
  await until(() => reported.length === 7);
  expect(reported.slice(2)).toEqual(["ada online", "ada away", "ada offline", "bob away", "bob offline"]);
  expect(a.events).toMatchObject([["left", { subject: "bob" }]]);
});

test("the sessions of a process that was cut off count as dropped once its lease is over, and leave once", async () => {
  const proxy = await startProxy(server);
  onTestFinished(() => proxy.close());
  const [a, b] = [tracked({ leaseMs: 3_000 }), tracked({ leaseMs: 3_000 })];
  const dead = tracked({ timeoutMs: 2_000, leaseMs: 1_000 }, LEAVE_MS, { port: proxy.port });
  const reported = await watching(b, "ada");
  const ids = Array.from({ length: 200 }, () => aCreation().id);
  for (const id of ids) await dead.store.create(aCreation({ id, subject: "ada", hold: true }));
  await until(() => reported.at(-1) === "ada online");
  proxy.refuse(true);
  proxy.cut();
  await until(() => reported.at(-1) === "ada away", 20_000);
  await until(() => a.events.length + b.events.length >= ids.length, 20_000);
  const left = [...a.events, ...b.events].map(([, { sessionId }]) => sessionId);
  expect(left.toSorted()).toEqual(ids.toSorted());
  await until(() => reported.at(-1) === "ada offline");
}, 60_000);

test("simultaneous changes of many subjects are reported one by one, in few messages", async () => {
  const [a, b] = [tracked({}, NO_LEAVE_MS), tracked({}, NO_LEAVE_MS)];
  const ids = Array.from({ length: 50 }, () => aCreation().id);
  for (const [index, id] of ids.entries())
    await a.store.create(aCreation({ id, subject: `s${index}`, hold: true }));
  const reported = await watching(b, ...ids.map((_, index) => `s${index}`));
  const published = async (): Promise<number> => {
    const found = /cmdstat_publish:calls=(\d+)/.exec(await b.client.info("commandstats"));
    return Number(found?.[1] ?? 0);
  };
  await until(() => reported.length === ids.length);
  const before = await published();
  await Promise.all(ids.map((id) => a.store.release(id)));
  await Promise.all(ids.map((id) => hold(a.store, a.host, id)));
  await until(() => reported.length === 3 * ids.length);
  // 100 changes; the rest are messages of the subscriptions and leases.
  expect((await published()) - before).toBeLessThan(40);
  for (const [index] of ids.entries())
    expect(reported.filter((one) => one.startsWith(`s${index} `))).toEqual(
      ["online", "away", "online"].map((type) => `s${index} ${type}`),
    );
});

test("a release before the connection is established does not count, so later changes are counted and reported", async () => {
  const [a, b] = [tracked({ timeoutMs: 1_000 }), tracked()];
  const reported = await watching(b, "ada");
  const { id } = aCreation();
  await connected(a);
  await a.store.create(aCreation({ id, subject: "ada", hold: true }));
  await a.store.release(id);
  await until(() => reported.at(-1) === "ada offline" && reported.length === 4);
  server.pause();
  onTestFinished(() => server.continue());
  const resuming = a.store.resume(aResume(id, { hold: true }));
  await a.store.release(id);
  await expect(resuming).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
  server.continue();
  await hold(a.store, a.host, id);
  expect((await b.store.presence(id)).nodes).toMatchObject([{ connections: 1 }]);
  await until(() => reported.at(-1) === "ada online");
  await a.store.release(id);
  await until(() => reported.at(-1) === "ada away");
});

test("a session that comes back to its process is in the queue of that process already, also after the lease has lapsed", async () => {
  const a = tracked({ leaseMs: 1_000 }, NO_LEAVE_MS);
  const { id } = aCreation();
  await a.store.create(aCreation({ id, subject: "ada", hold: true }));
  const queues = async (): Promise<string[]> => {
    const keys = await a.client.keys(`${prefix}:d:*`);
    const entries = await Promise.all(keys.map((key) => a.client.zrange(key, "0", "-1").catch(() => [])));
    return entries.flat();
  };
  await a.store.release(id);
  const added = async (): Promise<number> => {
    const found = /cmdstat_zadd:calls=(\d+)/.exec(await a.client.info("commandstats"));
    return Number(found?.[1] ?? 0);
  };
  // The time of the look is written by the next poll.
  const queue = (await a.client.keys(`${prefix}:d:*`))[0] ?? "";
  await until(async () => Number(await a.client.zscore(queue, id)) < Date.now() + 2 * NO_LEAVE_MS);
  const before = await added();
  await hold(a.store, a.host, id);
  expect(await added()).toBe(before);
  expect(await queues()).toEqual([id]);
  // As if another process had taken over the queue meanwhile.
  await a.client.del(...(await a.client.keys(`${prefix}:d*`)), ...(await a.client.keys(`${prefix}:n:*`)));
  await until(async () => (await queues()).length === 1);
});
