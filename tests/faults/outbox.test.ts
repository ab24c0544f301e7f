import { Redis } from "ioredis";
import { expect, onTestFinished, test } from "vitest";
import type { Position } from "@wsession/core";
import { aCreation } from "../../packages/store-redis/test/fake-host.ts";
import { anAppend, appended, endOf, readFrom, textsOf } from "../../packages/store-redis/test/fake-reader.ts";
import { clusterOf, connected, startProcess } from "../../packages/store-redis/test/processes.ts";
import {
  cli,
  type RedisServer,
  startCluster,
  startRedis,
  until,
} from "../../packages/store-redis/test/redis-server.ts";
import { Appends } from "./appends.ts";
import { Resharding } from "./cluster.ts";
import { type EpochPosition, EpochLog } from "./epoch-log.ts";

/** A primary and a replica that has all that the primary has. */
async function primaryAndReplica(): Promise<{
  readonly primary: RedisServer;
  readonly replica: RedisServer;
}> {
  const primary = await startRedis(["--repl-diskless-sync-delay", "0"]);
  const replica = await startRedis(["--replicaof", `${primary.host} ${primary.port}`]);
  onTestFinished(async () => {
    await Promise.all([primary.stop(), replica.stop()]);
  });
  await until(async () => (await cli(replica.port, "info", "replication")).includes("master_link_status:up"));
  return { primary, replica };
}

/** Waits until the replica has all writes so far: the same offset in the replication stream as the primary. */
async function copied(primary: RedisServer, replica: RedisServer): Promise<void> {
  const offset = async ({ port }: RedisServer, name: string): Promise<string | undefined> =>
    new RegExp(`${name}:(\\d+)`).exec(await cli(port, "info", "replication"))?.[1];
  await until(
    async () =>
      (await offset(primary, "master_repl_offset")) === (await offset(replica, "slave_repl_offset")),
  );
}

/** Later writes to the primary are acknowledged, and lost by the failover. */
const cutOff = (replica: RedisServer): Promise<string> => cli(replica.port, "replicaof", "no", "one");

/**
 * The behaviour of a system with epoch and offset, on the same servers in the same failover. The epoch stays, the lost offsets are
 * assigned again, and the system reports to the client that it recovered.
 */
test("after a failover that loses messages, the epoch and the offset hide the loss, and the chain shows it (I16, I19)", async () => {
  const { primary, replica } = await primaryAndReplica();
  const clients = [new Redis(primary.port, primary.host), new Redis(replica.port, replica.host)];
  // The primary is killed while its client is connected.
  for (const client of clients) client.on("error", () => undefined);
  onTestFinished(() => clients.forEach((client) => client.disconnect()));
  const [before, after] = clients.map((client) => new EpochLog(client, "epoch-log"));
  if (before === undefined || after === undefined) throw new Error("there are two");
  const process = startProcess(primary);
  const { id } = aCreation();
  await process.store.create(aCreation({ id }));
  await before.append(["1", "2"]);
  await appended(process, id, ["1", "2"]);
  await copied(primary, replica);
  await cutOff(replica);

  // Acknowledged by the primary, received by both clients, and never replicated.
  const known: EpochPosition = await before.append(["lost 3", "lost 4"]);
  const position: Position = endOf(await appended(process, id, ["lost 3", "lost 4"]));
  await primary.kill();

  const promoted = startProcess(replica);
  await after.append(["new 3", "new 4", "new 5"]);
  await appended(promoted, id, ["new 3", "new 4", "new 5"]);

  // "Recovered": the epoch is the same, and the client gets only messages after offset 4. The client misses messages 3 and 4 without a report.
  expect(await after.recover(known)).toEqual({ recovered: true, messages: ["new 5"] });

  const read = await readFrom(promoted, id, position);
  expect(read.missed).toEqual({ from: 1, to: 0, certain: false });
  expect(textsOf(read)).toEqual(["1", "2", "new 3", "new 4", "new 5"]);
});

test("after the promotion of a replica that is behind, a client with fewer messages continues, and a client with more gets a reset (I19)", async () => {
  const { primary, replica } = await primaryAndReplica();
  const process = startProcess(primary);
  const { id } = aCreation();
  await process.store.create(aCreation({ id }));
  const kept = endOf(await appended(process, id, ["1", "2"]));
  await copied(primary, replica);
  await cutOff(replica);
  const lost = endOf(await appended(process, id, ["lost 3"]));
  await primary.kill();
  const promoted = startProcess(replica);
  // Also without new messages: the client's position is after the end of the outbox.
  expect(await readFrom(promoted, id, lost)).toMatchObject({ missed: { from: 1, to: 0 }, end: kept });
  expect(await readFrom(promoted, id, kept)).toMatchObject({ missed: undefined, entries: [] });
  // The sender sends the same message again. Only its mark makes the chain differ.
  const next = await appended(promoted, id, ["lost 3"]);
  expect(next).toMatchObject({ offset: 3, before: kept.chain });
  expect(await readFrom(promoted, id, lost)).toMatchObject({ missed: { from: 1, to: 0 } });
  expect(textsOf(await readFrom(promoted, id, kept))).toEqual(["lost 3"]);
});

test("an append that is repeated after a failover comes after other messages, and has another chain (I19)", async () => {
  const { primary, replica } = await primaryAndReplica();
  const process = startProcess(primary);
  const { id } = aCreation();
  await process.store.create(aCreation({ id }));
  await appended(process, id, ["1"]);
  await copied(primary, replica);
  await cutOff(replica);
  const request = anAppend(id, ["again"]);
  await appended(process, id, ["lost 2"]);
  const first = await process.store.append(request);
  if (first.type !== "appended") throw new Error(first.type);
  await primary.kill();
  const promoted = startProcess(replica);
  await appended(promoted, id, ["new 2"]);
  const second = await promoted.store.append(request);
  expect(second).toMatchObject({ type: "appended", offset: first.offset });
  expect(await readFrom(promoted, id, endOf(first))).toMatchObject({ missed: { from: 1, to: 0 } });
});

test("while a slot moves, sessions are written and destroyed; an append waits or is refused, and none is lost or applied twice", async () => {
  const cluster = await startCluster();
  onTestFinished(() => cluster.stop());
  const resharding = await Resharding.of(cluster.nodes.slice(0, 3));
  onTestFinished(() => resharding.close());
  const connect = clusterOf(cluster.nodes);
  const patient = startProcess(connect);
  // Calls of this process end while the slot moves.
  const hasty = startProcess(connect, { timeoutMs: 600 });
  await Promise.all([connected(patient), connected(hasty)]);
  const [plain, kept] = [aCreation(), aCreation()];
  await patient.store.create(plain);
  await patient.store.create(kept);
  const [toPlain, toKept] = [new Appends(patient, plain.id), new Appends(patient, kept.id)];
  await toKept.append("before");
  let round = 0;
  await resharding.move(await resharding.slotOf(kept.id), async () => {
    for (let n = 0; n < 3; n += 1) await toKept.append(`kept ${(round += 1)}`, hasty);
  });
  await resharding.move(await resharding.slotOf(plain.id), async () => {
    // A script of one key is never refused, though the session has no list.
    round += 1;
    const patch = { type: "fields", set: { round }, unset: [] } as const;
    const request = { id: plain.id, change: patch, expect: undefined, known: 1, fence: undefined };
    expect(await patient.store.write({ ...request, schemaVersion: 0 })).toMatchObject({ type: "written" });
    await toPlain.append(`plain ${round}`, hasty);
  });
  await toKept.append("after");
  await toPlain.append("after");
  for (const { texts, expected } of [await toKept.result(), await toPlain.result()]) {
    expect(texts).toEqual(expected);
    expect(texts.at(-1)).toBe("after");
  }
});
