import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { createSessions } from "@wsession/core";
import { redisStore } from "@wsession/store-redis";
import { hashSubject } from "../src/base/keys.ts";
import { slotOf } from "../src/base/slots.ts";
import { loseShard } from "./cluster-nodes.ts";
import { aCreation, aWrite, hold, newId } from "./fake-host.ts";
import { startLateness } from "./lateness.ts";
import { type Process, clusterOf, startProcess } from "./processes.ts";
import { type RedisCluster, cli, startCluster, until } from "./redis-server.ts";

const PROCESSES = 9;
const LEASE_MS = 2_000;
/** The slots of the first of three primaries, which is lost. */
const LOST_SLOTS = 5_461;

let cluster: RedisCluster;

beforeAll(async () => {
  cluster = await startCluster();
  // Without this option the whole Cluster refuses commands once a shard is lost.
  for (const { port } of cluster.nodes)
    await cli(port, "config", "set", "cluster-require-full-coverage", "no");
});

afterAll(() => cluster.stop());

function idOn(where: "lost" | "living"): string {
  for (;;) {
    const id = newId();
    if (slotOf(id) < LOST_SLOTS === (where === "lost")) return id;
  }
}

/** A subject whose indexes, that of an older version too, are on a living shard. */
function subjectOnLiving(): string {
  for (;;) {
    const subject = newId();
    const hash = hashSubject(subject);
    if (slotOf(hash) >= LOST_SLOTS && slotOf(hash.slice(0, 2)) >= LOST_SLOTS) return subject;
  }
}

/** On a busy machine a call may end before the answer of Redis. */
async function held({ store, host }: Pick<Process, "store" | "host">, id: string): Promise<void> {
  await until(() => hold(store, host, id).then(() => true));
}

test("fault B7: after a Cluster lost one of three shards, only operations on its sessions fail, in nine processes", async () => {
  const timeoutMs = 1_500;
  const processes: Process[] = [];
  for (let index = 0; index < PROCESSES; index += 1)
    processes.push(startProcess(clusterOf(cluster.nodes), { leaseMs: LEASE_MS, timeoutMs, sweepMs: 2_000 }));
  const [one, two] = processes;
  if (one === undefined || two === undefined) return expect.unreachable();
  const subject = subjectOnLiving();
  const living = Array.from({ length: 4 }, () => idOn("living"));
  const lost = Array.from({ length: 3 }, () => idOn("lost"));
  // Wait until all are connected, also on a busy machine.
  for (const { store } of processes) await until(async () => (await store.load(newId())) === undefined);
  for (const id of [...living, ...lost]) {
    await until(async () => (await one.store.create(aCreation({ id, subject }))).type !== "full");
    for (const process of processes) await held(process, id);
  }
  const client = clusterOf(cluster.nodes)();
  onTestFinished(() => client.disconnect());
  const sender = createSessions({ store: redisStore({ client, timeoutMs }), onError: () => undefined });
  onTestFinished(() => sender.close());
  await until(async () => (await sender.sendToSubject(subject, "before")).sessions === 7);
  // On a busy machine the lease may have lapsed for a moment.
  await until(async () => (await one.store.health(timeoutMs)).ok);
  expect(await one.store.health(timeoutMs)).toMatchObject({ role: "primary", subscription: true });
  await loseShard(cluster.nodes);
  // By now every lease of that time has expired.
  const lostAt = performance.now();
  await until(() => performance.now() > lostAt + 2 * LEASE_MS);

  // Two of three primaries answer, but some sessions can't be served. The keys of the lease on the other shards are valid.
  expect(await one.store.health(timeoutMs)).toMatchObject({ ok: false, lease: true });

  const taken = processes.map(async ({ store, host }) => {
    await until(
      async () => (await store.create(aCreation({ id: idOn("living"), hold: true }))).type === "created",
    );
    for (const id of living) await held({ store, host }, id);
  });
  await Promise.all(taken);

  for (const [index, id] of living.entries()) {
    const writer = processes[index] ?? one;
    // On a busy machine a lease may have lapsed for a moment, and the connection of a call that failed is removed later.
    await until(async () => {
      const { nodes, missing } = await writer.store.presence(id);
      const counts = nodes.map(({ connections }) => connections);
      expect({ counts, missing }).toEqual({
        counts: Array.from({ length: PROCESSES }, () => 2),
        missing: [],
      });
      return true;
    });
    expect((await writer.store.write(aWrite(id, { index }))).type).toBe("written");
    await until(() => processes.every(({ host }) => host === writer.host || host.held(id)?.version === 2));
    expect(await writer.store.touch(id, 120_000)).toBe(true);
    await writer.store.release(id);
  }
  await expect(two.store.load(lost[0] ?? "")).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });

  // The sweep reads the sessions of the live shards, and so finds a change without an announcement.
  const [silent = "", destroyed = ""] = living;
  await one.client.hdel(`ws:s:{${silent}}`, "h");
  await one.store.write(aWrite(silent, { swept: true }, { known: 2 }));
  await until(() => two.host.held(silent)?.version === 3);

  const listed: string[] = [];
  const listing = async (): Promise<void> => {
    for await (const id of two.store.ids()) listed.push(id);
  };
  await expect(listing()).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
  expect(listed).toEqual(expect.arrayContaining(living));
  expect((await two.store.bySubject(subject)).toSorted()).toEqual(living.toSorted());
  // On a busy machine a call to a living shard may take too long.
  await until(async () => {
    const { sessions, failed } = await sender.sendToSubject(subject, "after");
    return sessions === living.length && failed === lost.length;
  });

  const report = await two.store.destroy(destroyed, "bye", true);
  expect(report).toMatchObject({ destroyed: [destroyed], unreachable: [] });
  await expect(two.store.destroySubject(subject, "all")).rejects.toMatchObject({
    code: "STORE_UNAVAILABLE",
    outcome: "unknown",
  });
  expect(two.host.held(silent)).toBeUndefined();
  await until(() => processes.every(({ host }) => living.every((id) => host.held(id) === undefined)));

  const lateMs = startLateness();
  const closedAt = performance.now();
  await two.store.close();
  expect(performance.now() - closedAt - lateMs()).toBeLessThan(4 * timeoutMs);
}, 180_000);
