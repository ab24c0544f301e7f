// Faults of the nodes of a Cluster. Nothing may be lost.
import { onTestFinished } from "vitest";
import {
  joinCluster,
  leaveCluster,
  replicaOf,
  replicate,
  untilFailed,
  untilWell,
} from "../../../packages/store-redis/test/cluster-nodes.ts";
import {
  type RedisServer,
  startCluster,
  startRedis,
} from "../../../packages/store-redis/test/redis-server.ts";
import type { Where } from "../application.mjs";
import type { RunningCampaign } from "../campaign.ts";
import { Resharding } from "../cluster.ts";
import { again, alike, type FaultCase } from "./case.ts";

const PRIMARIES = 3;

function cluster(
  name: string,
  args: readonly string[],
  faults: (nodes: readonly RedisServer[], running: RunningCampaign) => Promise<void>,
  inFlight?: number,
): FaultCase {
  return {
    name,
    async start() {
      const { nodes, stop } = await startCluster(args);
      onTestFinished(stop);
      const where: Where = { kind: "cluster", ports: nodes.map(({ port }) => port) };
      return {
        workers: alike(where),
        direct: where,
        inFlight,
        faults: (running) => faults(nodes, running),
      };
    },
  };
}

export const clusterCases: readonly FaultCase[] = [
  cluster("slots that move", [], async (nodes, running) => {
    const resharding = await Resharding.of(nodes.slice(0, PRIMARIES));
    onTestFinished(() => resharding.close());
    let next = 0;
    await again(
      running,
      async () => {
        const id = running.sessions[(next += 1) % running.sessions.length] ?? "";
        await resharding.move(await resharding.slotOf(id), () => running.progress(5));
      },
      10,
    );
  }),

  cluster("nodes that join and leave", [], async (nodes, running) => {
    const guest = await startRedis([
      "--cluster-enabled",
      "yes",
      "--cluster-node-timeout",
      "1000",
      // A primary without slots would become a replica of the primary that got its last slot.
      "--cluster-allow-replica-migration",
      "no",
    ]);
    onTestFinished(() => guest.stop());
    let next = 0;
    await again(running, async () => {
      // A primary joins, has sessions for a while, and leaves. The server keeps running, and its connections stay open.
      await joinCluster(nodes, guest);
      const resharding = await Resharding.of([...nodes.slice(0, PRIMARIES), guest]);
      try {
        const slots = new Set<number>();
        for (let count = 0; count < 3; count += 1) {
          const id = running.sessions[(next += 1) % running.sessions.length] ?? "";
          slots.add(await resharding.slotOf(id));
        }
        for (const slot of slots) await resharding.move(slot, () => running.progress(3), PRIMARIES);
        await running.progress(20);
        for (const slot of slots) await resharding.move(slot, () => running.progress(3), 0);
      } finally {
        resharding.close();
      }
      await leaveCluster([...nodes, guest], guest, "hard");
      await running.progress(20);
      // A replica that has subscriptions of some of the processes leaves and comes back.
      const [primary] = nodes;
      if (primary === undefined) throw new Error("a Cluster has primaries");
      const replica = await replicaOf(nodes, primary);
      await leaveCluster(nodes, replica, "hard");
      await running.progress(20);
      const rest = nodes.filter((node) => node !== replica);
      await joinCluster(rest, replica);
      await replicate(replica, primary);
    });
  }),

  cluster(
    "a shard lost and back, `appendfsync always`",
    ["--appendonly", "yes", "--appendfsync", "always", "--cluster-require-full-coverage", "no"],
    async (nodes, running) => {
      let turn = 0;
      await again(
        running,
        async () => {
          const primary = nodes[(turn += 1) % PRIMARIES];
          const living = nodes[(turn + 1) % PRIMARIES];
          if (primary === undefined || living === undefined) throw new Error("a Cluster has primaries");
          const replica = await replicaOf(nodes, primary);
          // Stop the replica first, so that it does not take over.
          await replica.kill();
          await primary.kill();
          await untilFailed(living, primary);
          await running.refusals(running.workers);
          await running.progress(20);
          await primary.restart();
          await replica.restart();
          await untilWell(nodes);
        },
        100,
      );
    },
    12,
  ),
];
