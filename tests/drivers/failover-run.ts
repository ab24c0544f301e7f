// `npm run test:drivers`: failovers, and primaries that hang in place of dying, with each client library.
import { describe, expect, test, type TestContext } from "vitest";
import { isPrimary, replacePrimary, replicaOf } from "../../packages/store-redis/test/cluster-nodes.ts";
import { aCreation, aResume, aWrite } from "../../packages/store-redis/test/fake-host.ts";
import {
  cli,
  type RedisServer,
  startCluster,
  startSentinel,
  until,
  untilCopied,
} from "../../packages/store-redis/test/redis-server.ts";
import { slotOf } from "../../packages/store-redis/src/base/slots.ts";
import { libraries, type Opened } from "./libraries.ts";
import { type Started, startStore, usable } from "./start-store.ts";

const OPTIONS = { timeoutMs: 1_000, leaseMs: 3_000 };
/** A failover takes two to three seconds, and many times as long on a busy machine. */
const FAILOVER_MS = 60_000;

/** One way in which a primary fails: the server dies, or its process is suspended with its connections open. */
const ends: readonly { readonly how: string; end(primary: RedisServer): unknown }[] = [
  { how: "dies", end: (primary) => primary.kill() },
  { how: "hangs (SIGSTOP)", end: (primary) => primary.pause() },
];

/** A writer, and a process that holds the session. */
async function startPair(context: TestContext, open: () => Opened, id: string) {
  const opened = [open(), open()];
  await Promise.all(opened.map(({ connected }) => connected));
  const prefix = `failover-${id}`;
  const [writer, holder] = opened.map((client) => startStore(context, client, { ...OPTIONS, prefix }));
  if (writer === undefined || holder === undefined) throw new Error("two stores");
  await Promise.all([usable(writer), usable(holder)]);
  await until(async () => (await writer.store.create(aCreation({ id, data: { n: 0 } }))).type !== "full");
  await until(async () => {
    const resumed = await holder.store.resume(aResume(id, { hold: true }));
    if (resumed.type === "resumed") holder.host.adopt(id, resumed.session);
    return resumed.type === "resumed";
  });
  return { writer, holder };
}

/** The store acknowledges writes again, and the holder gets them. */
async function expectGoesOn(writer: Started, holder: Started, id: string): Promise<void> {
  let acknowledged = 0;
  await until(async () => {
    const written = await writer.store.write(aWrite(id, { n: 1 }));
    if (written.type !== "written") throw new Error(written.type);
    acknowledged = written.version;
    return true;
  }, FAILOVER_MS);
  await until(async () => (holder.host.held(id)?.version ?? 0) >= acknowledged, FAILOVER_MS);
  await until(async () => {
    const written = await writer.store.write(aWrite(id, { n: 2 }));
    acknowledged = written.type === "written" ? written.version : 0;
    return acknowledged > 0;
  }, FAILOVER_MS);
  await until(async () => (holder.host.held(id)?.version ?? 0) >= acknowledged, FAILOVER_MS);
  expect(await writer.store.load(id)).toMatchObject({ version: acknowledged, data: { n: 2 } });
}

describe.each(libraries.map((library) => ({ name: library.name, library })))("$name", ({ library }) => {
  test.for(ends)(
    "fault B1: the store continues by itself after a primary that Sentinel monitors $how",
    { timeout: 4 * FAILOVER_MS },
    async ({ end }, context) => {
      const sentinel = await startSentinel();
      context.onTestFinished(() => sentinel.stop());
      const { id } = aCreation();
      const open = (): Opened => library.sentinel(sentinel.name, sentinel.sentinels);
      const { writer, holder } = await startPair(context, open, id);
      await untilCopied([sentinel.primary, sentinel.replica], id, 2);
      await end(sentinel.primary);
      await expectGoesOn(writer, holder, id);
      expect(await isPrimary(sentinel.replica)).toBe(true);
    },
  );

  test(
    "fault B1: the store leaves a primary that Sentinel has replaced, and that takes itself for the primary",
    { timeout: 4 * FAILOVER_MS },
    async (context) => {
      const running = await startSentinel();
      context.onTestFinished(running.stop);
      const { primary, replica, sentinels, name } = running;
      const { id } = aCreation();
      const { writer, holder } = await startPair(context, () => library.sentinel(name, sentinels), id);
      await untilCopied([primary, replica], id, 2);
      await replacePrimary(running);
      await until(async () => {
        await writer.store.write(aWrite(id, { moved: 1 }));
        return (await cli(replica.port, "hexists", `failover-${id}:s:{${id}}`, "d:moved")) === "1";
      }, FAILOVER_MS);
      await expectGoesOn(writer, holder, id);
      expect(await isPrimary(primary)).toBe(true);
    },
  );

  test.for(ends)(
    "fault B1: the store continues by itself after a primary of a Cluster $how",
    { timeout: 4 * FAILOVER_MS },
    async ({ end }, context) => {
      const cluster = await startCluster();
      context.onTestFinished(() => cluster.stop());
      const [primary] = cluster.nodes;
      if (primary === undefined) throw new Error("a Cluster has nodes");
      const replica = await replicaOf(cluster.nodes, primary);
      let { id } = aCreation();
      // The first primary has the first third of the slots.
      while (slotOf(id) >= 5_461) ({ id } = aCreation());
      const { writer, holder } = await startPair(context, () => library.cluster(cluster.nodes), id);
      await untilCopied([primary, replica], id, 2);
      await end(primary);
      await expectGoesOn(writer, holder, id);
      expect(await isPrimary(replica)).toBe(true);
    },
  );
});
