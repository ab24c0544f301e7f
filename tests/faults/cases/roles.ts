// A primary that becomes a replica. In a planned change nothing may be lost. In a change at once, the changes that the other server had
// not received are lost.
import { onTestFinished } from "vitest";
import {
  cli,
  type RedisServer,
  startCluster,
  startRedis,
  until,
} from "../../../packages/store-redis/test/redis-server.ts";
import { isPrimary, replicaOf, untilWell } from "../../../packages/store-redis/test/cluster-nodes.ts";
import type { Where } from "../application.mjs";
import { Proxy } from "../proxy.ts";
import { again, alike, type FaultCase, type Stage } from "./case.ts";

/** Without writes a process checks the role of its server once a second. A busy machine takes longer. */
const NOTICED_MS = 2_500;

interface Pair {
  primary: RedisServer;
  replica: RedisServer;
}

async function offsetOf({ port }: RedisServer): Promise<string | undefined> {
  return /(?:master|slave)_repl_offset:(\d+)/.exec(await cli(port, "info", "replication"))?.[1];
}

/** As hosted services do it: writes wait until the replica has them all. */
async function swapPlanned({ primary, replica }: Pair): Promise<void> {
  await cli(primary.port, "client", "pause", "20000", "write");
  await until(async () => (await offsetOf(primary)) === (await offsetOf(replica)));
  await cli(replica.port, "replicaof", "no", "one");
  await cli(primary.port, "replicaof", replica.host, String(replica.port));
  await cli(primary.port, "client", "unpause");
}

/** As an operator does it by mistake: neither server waits for the other. */
async function swapAtOnce({ primary, replica }: Pair): Promise<void> {
  await Promise.all([
    cli(replica.port, "replicaof", "no", "one"),
    cli(primary.port, "replicaof", replica.host, String(replica.port)),
  ]);
}

/** Two servers behind one name, as with DNS: new connections go to the primary, and existing connections stay. */
async function behindOneName(swap: (pair: Pair) => Promise<void>): Promise<Stage> {
  const servers = [];
  for (let count = 0; count < 2; count += 1) {
    const started = await startRedis(["--repl-diskless-sync-delay", "0"]);
    onTestFinished(() => started.stop());
    servers.push(started);
  }
  const [first, second] = servers;
  if (first === undefined || second === undefined) throw new Error("two were started");
  const pair: Pair = { primary: first, replica: second };
  await cli(second.port, "replicaof", first.host, String(first.port));
  const isInStep = async (): Promise<boolean> =>
    (await cli(pair.replica.port, "info", "replication")).includes("master_link_status:up");
  await until(isInStep);
  const name = await Proxy.start(first.port);
  onTestFinished(() => name.stop());
  const where: Where = { kind: "standalone", port: name.port };
  return {
    workers: alike(where),
    direct: where,
    faults: (running) =>
      again(
        running,
        async () => {
          await until(isInStep, 20_000);
          name.leadTo(pair.replica.port);
          await swap(pair);
          [pair.primary, pair.replica] = [pair.replica, pair.primary];
        },
        300,
      ),
  };
}

export const plannedSwap: FaultCase = {
  name: "primary turned replica, planned",
  rules: { staleMs: NOTICED_MS },
  start: () => behindOneName(swapPlanned),
};

export const plannedCases: readonly FaultCase[] = [
  plannedSwap,
  {
    name: "`CLUSTER FAILOVER`",
    async start() {
      const cluster = await startCluster();
      onTestFinished(() => cluster.stop());
      const where: Where = { kind: "cluster", ports: cluster.nodes.map(({ port }) => port) };
      let turn = 0;
      const once = async (): Promise<void> => {
        const roles = await Promise.all(cluster.nodes.map(isPrimary));
        const primaries = cluster.nodes.filter((_, at) => roles[at] === true);
        const primary = primaries[(turn += 1) % primaries.length];
        if (primary === undefined) throw new Error("a Cluster has primaries");
        const replica = await replicaOf(cluster.nodes, primary);
        await until(async () => (await cli(replica.port, "role")).includes("connected"), 20_000);
        // OK means that the replica begins. The replica stops after five seconds without a report, for example if a ping came late.
        let askedAt = -Infinity;
        await until(async () => {
          if (await isPrimary(replica)) return !(await isPrimary(primary));
          if (performance.now() - askedAt > 6_000) {
            await cli(replica.port, "cluster", "failover");
            askedAt = performance.now();
          }
          return false;
        }, 30_000);
        await untilWell(cluster.nodes);
      };
      return { workers: alike(where), direct: where, faults: (running) => again(running, once, 150) };
    },
  },
];

export const atOnceCases: readonly FaultCase[] = [
  {
    name: "primary turned replica, at once",
    rules: { mayLose: true, staleMs: NOTICED_MS },
    start: () => behindOneName(swapAtOnce),
  },
];
