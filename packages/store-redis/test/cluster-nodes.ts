// Operations and failures of the nodes of a Cluster.
import { type RedisSentinel, type RedisServer, cli, until } from "./redis-server.ts";

async function linesOf({ port }: RedisServer): Promise<string[]> {
  return (await cli(port, "cluster", "nodes")).split("\n");
}

const isOf =
  ({ port }: RedisServer) =>
  (line: string): boolean =>
    line.includes(`:${port}@`);

/** Whether a node reports that it is a primary. */
export async function isPrimary({ port }: RedisServer): Promise<boolean> {
  return (await cli(port, "role")).startsWith("master");
}

/**
 * The node that replicates a primary, according to the primary. Resolves once there is exactly one: after a failover the new primary
 * learns that the former one has become its replica from a later message of the cluster's bus.
 */
export async function replicaOf(nodes: readonly RedisServer[], primary: RedisServer): Promise<RedisServer> {
  const id = await cli(primary.port, "cluster", "myid");
  let replicas: readonly RedisServer[] = [];
  await until(async () => {
    const lines = (await linesOf(primary)).filter((line) => line.includes(` slave ${id} `));
    replicas = nodes.filter((node) => lines.some(isOf(node)));
    return replicas.length === 1;
  }, 20_000);
  const [replica] = replicas;
  if (replica === undefined) throw new Error("the primary has no replica");
  return replica;
}

/** Resolves once `living` has detected the failure of the primary. */
export async function untilFailed(living: RedisServer, primary: RedisServer): Promise<void> {
  await until(async () => {
    const line = (await linesOf(living)).find(isOf(primary));
    return line !== undefined && /\bfail\b(?!\?)/.test(line);
  }, 20_000);
}

/** Kills the first primary and its replica. Resolves once the second primary has detected the failure. */
export async function loseShard(nodes: readonly RedisServer[]): Promise<void> {
  const [primary, living] = nodes;
  if (primary === undefined || living === undefined) throw new Error("a Cluster has several primaries");
  const replica = await replicaOf(nodes, primary);
  await Promise.all([primary.kill(), replica.kill()]);
  await untilFailed(living, primary);
}

/** Resolves once each of these nodes reports that the Cluster is healthy and no node has failed. */
export async function untilWell(nodes: readonly RedisServer[]): Promise<void> {
  await until(async () => {
    const views = nodes.map(async (node) => {
      const known = (await linesOf(node)).filter((line) => nodes.some((other) => isOf(other)(line)));
      const isWell = (await cli(node.port, "cluster", "info")).includes("cluster_state:ok");
      return isWell && known.length === nodes.length && known.every((line) => !/fail|handshake/.test(line));
    });
    return (await Promise.all(views)).every((isWell) => isWell);
  }, 30_000);
}

/**
 * Removes a running node without slots from its Cluster. `soft`: the node keeps its id, and cannot join again
 * for a minute. `hard`: it gets a new id. A replica loses its data in both cases.
 */
export async function leaveCluster(
  nodes: readonly RedisServer[],
  leaving: RedisServer,
  reset: "soft" | "hard" = "soft",
): Promise<void> {
  const id = await cli(leaving.port, "cluster", "myid");
  for (const { port } of nodes)
    if (port !== leaving.port) await cli(port, "cluster", "forget", id).catch(() => undefined);
  await cli(leaving.port, "cluster", "reset", reset);
}

/** Adds a standalone node to a Cluster, as a primary without slots. */
export async function joinCluster(nodes: readonly RedisServer[], joining: RedisServer): Promise<void> {
  const [any] = nodes;
  if (any === undefined) throw new Error("a Cluster has nodes");
  await cli(any.port, "cluster", "meet", joining.host, String(joining.port));
  await untilWell([...nodes, joining]);
}

/** Makes a node without slots a replica of a primary, and waits until it has the data. */
export async function replicate(replica: RedisServer, primary: RedisServer): Promise<void> {
  await cli(replica.port, "cluster", "replicate", await cli(primary.port, "cluster", "myid"));
  await until(async () => (await cli(replica.port, "info", "replication")).includes("master_link_status:up"));
}

/**
 * Makes Sentinel promote the replica. The replaced primary refuses to become a replica. Otherwise Sentinel would demote it eight
 * seconds later or later.
 */
export async function replacePrimary({ primary, replica, sentinels, name }: RedisSentinel): Promise<void> {
  await cli(primary.port, "acl", "setuser", "default", "-replicaof", "-slaveof");
  await until(async () => {
    if (await isPrimary(replica)) return true;
    // On a busy machine Sentinel may have no recent report of the replica, and then refuses.
    await cli(sentinels[0]?.port ?? 0, "sentinel", "failover", name);
    return false;
  }, 30_000);
}
