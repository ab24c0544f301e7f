// Faults that may lose acknowledged changes. Nothing is applied twice, and no lost change comes back.
import { onTestFinished } from "vitest";
import {
  cli,
  type RedisCluster,
  type RedisSentinel,
  type RedisServer,
  startCluster,
  startRedis,
  startSentinel,
  until,
} from "../../../packages/store-redis/test/redis-server.ts";
import { isPrimary, replicaOf, untilWell } from "../../../packages/store-redis/test/cluster-nodes.ts";
import type { Where } from "../application.mjs";
import type { RunningCampaign } from "../campaign.ts";
import { evictSome, keysOf } from "../full-memory.ts";
import { alike, type FaultCase } from "./case.ts";

type Faults<Servers> = (servers: Servers, running: RunningCampaign) => Promise<void>;

const mayLose = { mayLose: true } as const;

function sentinel(name: string, faults: Faults<RedisSentinel>): FaultCase {
  return {
    name,
    rules: mayLose,
    async start() {
      const started = await startSentinel();
      onTestFinished(started.stop);
      const ports = started.sentinels.map(({ port }) => port);
      const where: Where = { kind: "sentinel", ports, name: started.name };
      return { workers: alike(where), direct: where, faults: (running) => faults(started, running) };
    },
  };
}

function cluster(name: string, faults: Faults<RedisCluster>): FaultCase {
  return {
    name,
    rules: mayLose,
    async start() {
      const started = await startCluster();
      onTestFinished(started.stop);
      const where: Where = { kind: "cluster", ports: started.nodes.map(({ port }) => port) };
      return { workers: alike(where), direct: where, faults: (running) => faults(started, running) };
    },
  };
}

function killed(name: string, args: readonly string[], after: number): FaultCase {
  return {
    name,
    rules: mayLose,
    async start() {
      const server = await startRedis(args);
      onTestFinished(() => server.stop());
      const direct: Where = { kind: "standalone", port: server.port };
      return {
        workers: alike(direct),
        direct,
        async faults({ progress }) {
          await progress(300);
          await server.kill();
          await server.restart();
          await progress(after);
        },
      };
    },
  };
}

const becomesReplica = (server: RedisServer): Promise<void> =>
  until(async () => !(await isPrimary(server)), 20_000);

export const EVICTION: FaultCase = {
  name: "eviction (`volatile-lru`, allowed)",
  rules: { mayEvict: true },
  async start() {
    const server = await startRedis();
    onTestFinished(() => server.stop());
    // The server evicts from the start, because a store that is in use already only reports the policy.
    await cli(server.port, "config", "set", "maxmemory-policy", "volatile-lru");
    const direct: Where = { kind: "standalone", port: server.port };
    return {
      workers: alike(direct),
      direct,
      application: { allowEviction: true, idleMs: 3_600_000 },
      async faults({ progress, sessions }) {
        const live = async (): Promise<number> => (await keysOf(server.port, "ws:s:*")).length;
        for (const part of [0.7, 0.4]) {
          await progress(60);
          await evictSome(server.port, async () => (await live()) <= sessions.length * part);
        }
        await progress(60);
      },
    };
  },
};

export const losingCases: readonly FaultCase[] = [
  sentinel("Sentinel failover, primary killed", async ({ primary }, { progress }) => {
    await progress(300);
    await primary.kill();
    await progress(200);
  }),
  sentinel("Sentinel failover, primary hangs and is back", async ({ primary }, { progress }) => {
    await progress(300);
    primary.pause();
    await progress(200);
    primary.continue();
    await becomesReplica(primary);
    await progress(100);
  }),
  cluster("Cluster failover, primary killed", async ({ nodes }, { progress }) => {
    await progress(300);
    await nodes[0]?.kill();
    await progress(200);
  }),
  cluster("Cluster failover, primary hangs and is back", async ({ nodes }, { progress }) => {
    const [primary] = nodes;
    if (primary === undefined) throw new Error("a Cluster has primaries");
    const replica = await replicaOf(nodes, primary);
    await progress(300);
    primary.pause();
    // The other shards continue meanwhile, so their progress does not show that this shard has failed over.
    await until(() => isPrimary(replica), 20_000);
    await progress(200);
    primary.continue();
    await becomesReplica(primary);
    await untilWell(nodes);
    await progress(100);
  }),
  killed(
    "redis-server killed once, `appendfsync everysec`",
    ["--appendonly", "yes", "--appendfsync", "everysec"],
    100,
  ),
  killed("redis-server killed once, no append-only file", [], 0),
  EVICTION,
];
