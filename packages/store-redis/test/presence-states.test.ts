import type { PresenceEvent, SessionEvent, SessionEventType } from "@wsession/core";
import { beforeEach, expect, onTestFinished, test } from "vitest";
import { aCreation, hold } from "./fake-host.ts";
import { type Process, startProcess } from "./processes.ts";
import { until } from "./redis-server.ts";
import { startProxy } from "./tcp-proxy.ts";
import { useRedisServer } from "./shared-servers.ts";

const server = useRedisServer();
const LEAVE_MS = 300;
let prefix = "";

beforeEach(() => {
  prefix = `t${aCreation().id}`;
});

interface Recorded extends Process {
  readonly events: (readonly [type: SessionEventType, event: SessionEvent])[];
}

function tracked(
  options: Parameters<typeof startProcess>[1] = {},
  address: { readonly port: number } = server,
): Recorded {
  const started = startProcess(address, { leaseMs: 1_000, prefix, ...options });
  const events: Recorded["events"] = [];
  started.store.track({
    leaveAfterMs: LEAVE_MS,
    isAlways: true,
    events: new Set(["left", "expired", "destroyed"]),
    deliver: async (type, event) => void events.push([type, event]),
  });
  return Object.assign(started, { events });
}

async function watching({ store }: Process, ...subjects: string[]): Promise<string[]> {
  const told: string[] = [];
  await store.watch(subjects, ({ subject, type }: PresenceEvent) => told.push(`${subject} ${type}`));
  return told;
}

const typesOf = ({ events }: Recorded): string[] => events.map(([type]) => type);

test("a dropped session is away on every process, and leaves once", async () => {
  const [a, b] = [tracked(), tracked()];
  const told = await watching(b, "ada");
  expect(told).toEqual(["ada offline"]);
  const { id } = aCreation();
  await a.store.create(aCreation({ id, subject: "ada", hold: true }));
  await until(() => told.length === 2);
  await a.store.release(id);
  await until(() => told.length === 3);
  expect(await b.store.presenceOfSubject("ada")).toMatchObject({ type: "away", sessions: [{ id }] });
  await until(() => told.length === 4);
  expect(told).toEqual(["ada offline", "ada online", "ada away", "ada offline"]);
  await until(() => a.events.length + b.events.length === 1);
  expect(a.events).toMatchObject([["left", { sessionId: id, subject: "ada" }]]);
});

test("a clean leave leaves at once, and a session that comes back elsewhere does not leave", async () => {
  const [a, b] = [tracked(), tracked()];
  const told = await watching(b, "ada");
  const { id } = aCreation();
  await a.store.create(aCreation({ id, subject: "ada", hold: true }));
  await a.store.release(id, "left");
  await until(() => a.events.length === 1);
  await hold(b.store, b.host, id);
  await b.store.release(id);
  await hold(a.store, a.host, id);
  await until(() => told.at(-1) === "ada online" && told.length === 6);
  expect(told).toEqual(["ada offline", "ada online", "ada offline", "ada online", "ada away", "ada online"]);
  await new Promise((resolve) => setTimeout(resolve, 3 * LEAVE_MS));
  expect([...a.events, ...b.events]).toHaveLength(1);
});

test("a session that is destroyed or expires gives that event once, and no left", async () => {
  const [a, b] = [tracked(), tracked()];
  const [one, two] = [aCreation().id, aCreation().id];
  await a.store.create(aCreation({ id: one, subject: "ada", hold: true }));
  await a.store.create(aCreation({ id: two, subject: "bob", hold: true, idleMs: 400 }));
  await a.store.release(one);
  await b.store.destroy(one, undefined, false);
  await until(() => b.events.length === 1 && a.events.length === 1);
  expect(typesOf(b)).toEqual(["destroyed"]);
  expect(a.events).toMatchObject([["expired", { sessionId: two, subject: "bob" }]]);
  await new Promise((resolve) => setTimeout(resolve, 3 * LEAVE_MS));
  expect([...a.events, ...b.events]).toHaveLength(2);
  await a.store.release(two);
  await until(async () => (await b.client.keys(`${prefix}:d:*`)).length === 0);
});

test("identify moves a session that is away to its new subject", async () => {
  const a = tracked();
  const told = await watching(a, "ada", "bob");
  const { id } = aCreation();
  await a.store.create(aCreation({ id, subject: "ada", hold: true }));
  await a.store.release(id);
  await a.store.rotate({
    ...{ id, digest: "d", renewalDigest: "r", renewalMs: 1, graceMs: 0, subject: "bob" },
    ...{ fence: undefined, known: 1 },
  });
  await until(() => told.length === 7);
  expect(told.slice(2)).toEqual(["ada online", "ada away", "ada offline", "bob away", "bob offline"]);
  expect(a.events).toMatchObject([["left", { subject: "bob" }]]);
});

test("the sessions of a process that was cut off count as dropped once its lease is over, and leave once", async () => {
  const proxy = await startProxy(server);
  onTestFinished(() => proxy.close());
  const [a, b] = [tracked(), tracked()];
  const dead = tracked({ timeoutMs: 300 }, { port: proxy.port });
  const told = await watching(b, "ada");
  const ids = Array.from({ length: 200 }, () => aCreation().id);
  for (const id of ids) await dead.store.create(aCreation({ id, subject: "ada", hold: true }));
  await until(() => told.at(-1) === "ada online");
  proxy.refuse(true);
  proxy.cut();
  await until(() => told.at(-1) === "ada away");
  await until(() => a.events.length + b.events.length >= ids.length);
  const left = [...a.events, ...b.events].map(([, { sessionId }]) => sessionId);
  expect(left.toSorted()).toEqual(ids.toSorted());
  await until(() => told.at(-1) === "ada offline");
});
