import { afterEach, expect, test, vi } from "vitest";
import { isPrimary, untilWell } from "../../packages/store-redis/test/cluster-nodes.ts";
import {
  cli,
  type RedisServer,
  startCluster,
  startLoneSentinel,
  startRedis,
  until,
} from "../../packages/store-redis/test/redis-server.ts";
import type { Where } from "./application.mjs";
import { campaign } from "./campaign.ts";

// A campaign on a busy machine takes longer than the usual 30 seconds. Each of its steps has a limit of its own.
vi.setConfig({ testTimeout: 120_000 });

const ALWAYS = ["--appendonly", "yes", "--appendfsync", "always"];

let stop: (() => Promise<unknown>) | undefined;

afterEach(async () => {
  await stop?.();
  stop = undefined;
});

/** Kills each of the primaries under load, and starts it again before another server takes its role. */
async function expectNoLoss(where: Where, seed: number, primaries: readonly RedisServer[]): Promise<void> {
  const report = await campaign({
    workers: [where, where],
    direct: where,
    seed,
    operations: 150,
    async faults({ progress }) {
      for (const primary of primaries) {
        await progress(30);
        await primary.kill();
        await primary.restart();
        await progress(30);
        expect(await isPrimary(primary)).toBe(true);
      }
    },
  });
  expect(report.violations).toEqual([]);
}

test("a primary of Sentinel killed and started again, with appendfsync always: nothing acknowledged is lost (I7 to I10)", async () => {
  const primary = await startRedis(ALWAYS);
  const replica = await startRedis([...ALWAYS, "--replicaof", `${primary.host} ${primary.port}`]);
  // Promotes no replica within the 30 seconds of its default.
  const sentinel = await startLoneSentinel(primary);
  stop = () => Promise.all([sentinel, replica, primary].map((server) => server.stop()));
  const where: Where = { kind: "sentinel", ports: [sentinel.port], name: "wsession" };
  await until(async () => (await cli(sentinel.port, "info", "sentinel")).includes("slaves=1"), 20_000);
  await expectNoLoss(where, 17, [primary, primary]);
});

test("primaries of a Cluster killed and started again, with appendfsync always: nothing acknowledged is lost (I7 to I10)", async () => {
  const cluster = await startCluster([...ALWAYS, "--cluster-node-timeout", "30000"]);
  ({ stop } = cluster);
  const where: Where = { kind: "cluster", ports: cluster.nodes.map(({ port }) => port) };
  await expectNoLoss(where, 18, cluster.nodes.slice(0, 2));
  await untilWell(cluster.nodes);
});
