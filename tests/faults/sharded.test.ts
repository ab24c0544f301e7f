import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { aCreation, aWrite, hold } from "../../packages/store-redis/test/fake-host.ts";
import { clusterOf, type Process, startProcess } from "../../packages/store-redis/test/processes.ts";
import { cli, type RedisCluster, startCluster, until } from "../../packages/store-redis/test/redis-server.ts";
import { Resharding } from "./cluster.ts";

/** Longer than a test, so that every observed change was announced. */
const NEVER_MS = 600_000;
const PRIMARIES = 3;

let cluster: RedisCluster;

beforeAll(async () => {
  cluster = await startCluster();
});

afterAll(() => cluster.stop());

const primaries = () => cluster.nodes.slice(0, PRIMARIES);

async function everywhere(...command: string[]): Promise<string[]> {
  return Promise.all(cluster.nodes.map(({ port }) => cli(port, ...command)));
}

/** The sharded channels with a subscriber. */
async function channels(): Promise<number> {
  const lists = await Promise.all(primaries().map(({ port }) => cli(port, "pubsub", "shardchannels")));
  return lists.flatMap((list) => list.split("\n").filter((line) => line !== "")).length;
}

/** Waits for the processes to subscribe to sharded channels, after those of an earlier test are gone. */
async function start(count: number, leaseMs: number): Promise<Process[]> {
  await until(async () => (await channels()) === 0);
  const started = Array.from({ length: count }, () =>
    startProcess(clusterOf(cluster.nodes), { leaseMs, sweepMs: NEVER_MS }),
  );
  await until(async () => (await channels()) === count * PRIMARIES);
  return started;
}

/** Announcements on the bus of the Cluster so far, by kind. */
async function bus(): Promise<{ readonly publish: number; readonly sharded: number }> {
  const infos = await everywhere("cluster", "info");
  const sum = (name: string): number =>
    infos.reduce((total, info) => total + Number(new RegExp(`${name}_sent:(\\d+)`).exec(info)?.[1] ?? 0), 0);
  return { publish: sum("messages_publish"), sharded: sum("messages_publishshard") };
}

async function heldBy(holders: readonly Process[], by: Process): Promise<string> {
  const { id } = aCreation();
  await by.store.create(aCreation({ id }));
  for (const { store, host } of holders) await hold(store, host, id);
  return id;
}

/** Changes the session until each holder got an announcement. */
async function reaches(writer: Process, holders: readonly Process[], id: string): Promise<void> {
  const known = (await writer.store.load(id))?.version ?? 0;
  expect(await writer.store.write(aWrite(id, { known }, { known }))).toMatchObject({ version: known + 1 });
  await until(() => holders.every(({ host }) => host.held(id)?.version === known + 1));
}

test("fault B10: a change needs one message for each holder on the bus of a Cluster, whatever the number of nodes", async () => {
  const [writer, ...holders] = await start(5, NEVER_MS);
  if (writer === undefined) return expect.unreachable();
  const changes = 20;
  const ids = await Promise.all(Array.from({ length: changes }, () => heldBy(holders, writer)));
  const before = await bus();
  for (const id of ids) await reaches(writer, holders, id);
  const after = await bus();
  expect(after.publish - before.publish).toBe(0);
  expect(after.sharded - before.sharded).toBe(changes * holders.length);
  for (const id of ids.slice(0, 3))
    expect(await writer.store.destroy(id, "bye", true)).toMatchObject({ closed: 4, unreachable: [] });
  expect((await bus()).publish - before.publish).toBe(0);
});

test("fault E, I8: the first changes go by the same channels as all later ones, so that none is overtaken", async () => {
  await until(async () => (await channels()) === 0);
  // No process waits for its channels here. A change by PUBLISH takes another way through the Cluster, and the next change arrives first.
  for (let round = 0; round < 5; round += 1) {
    const process = (): Process =>
      startProcess(clusterOf(cluster.nodes), { leaseMs: NEVER_MS, sweepMs: NEVER_MS });
    const [writer, holder] = [process(), process()];
    const id = await heldBy([holder], writer);
    const before = await bus();
    await reaches(writer, [holder], id);
    expect((await bus()).sharded - before.sharded).toBe(1);
    // The first call of a process that holds no session.
    await process().store.write(aWrite(id, { known: 2 }, { known: 2 }));
    await until(() => holder.host.held(id)?.version === 3);
    expect((await bus()).sharded - before.sharded).toBe(2);
  }
});

test("fault B10: a change is received while slots move, whatever slot tables the writer and the holder have", async () => {
  const resharding = await Resharding.of(primaries());
  onTestFinished(() => resharding.close());
  const [writer, holder] = await start(2, 600);
  if (writer === undefined || holder === undefined) return expect.unreachable();
  const id = await heldBy([holder], writer);
  const slot = await resharding.slotOf(id);
  for (let round = 0; round < PRIMARIES; round += 1) {
    await resharding.move(slot, () => reaches(writer, [holder], id));
    for (let change = 0; change < 5; change += 1) await reaches(writer, [holder], id);
  }
  expect([...writer.host.errors, ...holder.host.errors]).toEqual([]);
});

test("fault B10: changes are received again after the sharded connections were cut", async () => {
  const [writer, holder] = await start(2, 900);
  if (writer === undefined || holder === undefined) return expect.unreachable();
  const id = await heldBy([holder], writer);
  for (const { port } of primaries()) {
    const clients = (await cli(port, "client", "list")).split("\n");
    for (const client of clients) {
      const [, number = ""] = /^id=(\d+) .* ssub=[1-9]/.exec(client) ?? [];
      if (number !== "") await cli(port, "client", "kill", "id", number);
    }
  }
  await reaches(writer, [holder], id);
  await until(async () => (await channels()) === 2 * PRIMARIES);
  await reaches(writer, [holder], id);
  expect([...writer.host.errors, ...holder.host.errors]).toEqual([]);
});

test("fault B10: without permission for sharded channels, as with Redis 6, a change is announced by PUBLISH", async () => {
  await until(async () => (await channels()) === 0);
  await everywhere("acl", "setuser", "default", "-ssubscribe", "-spublish");
  onTestFinished(async () => void (await everywhere("acl", "setuser", "default", "+@all")));
  const [writer, holder] = [1, 2].map(() =>
    startProcess(clusterOf(cluster.nodes), { leaseMs: 600, sweepMs: NEVER_MS }),
  );
  if (writer === undefined || holder === undefined) return expect.unreachable();
  const id = await heldBy([holder], writer);
  await reaches(writer, [holder], id);
  expect(await writer.store.destroy(id, undefined, true)).toMatchObject({ closed: 1, unreachable: [] });
  expect([...writer.host.errors, ...holder.host.errors]).toEqual([]);
});
