import { execFile } from "node:child_process";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { setTimeout as wait } from "node:timers/promises";
import { Cluster } from "ioredis";
import { freePort } from "../../../scripts/free-port.mjs";
import { startRedis } from "./redis.ts";
import type { RedisServer } from "./redis.ts";

const PRIMARIES = 3;
const HOST = "127.0.0.1";

/** A Cluster of three primaries with one replica each. */
export interface RedisCluster {
  connect(): Cluster;
  /** The sum of a numeric field of CLUSTER INFO over all nodes. */
  sum(field: string): Promise<number>;
  stop(): Promise<void>;
}

export async function startCluster(): Promise<RedisCluster> {
  const nodes: RedisServer[] = [];
  for (let index = 0; index < 2 * PRIMARIES; index += 1) {
    const bus = String(await freePort());
    nodes.push(await startRedis(["--cluster-enabled", "yes", "--cluster-port", bus]));
  }
  const clients: Cluster[] = [];
  const addresses = nodes.map(({ port }) => `${HOST}:${port}`);
  // Beside the server, because another version of redis-cli may not create a Cluster of it.
  const server = process.env["WSESSION_REDIS_SERVER"] ?? "redis-server";
  const cli = process.env["WSESSION_REDIS_CLI"] ?? join(dirname(server), "redis-cli");
  const command = ["--cluster", "create", ...addresses, "--cluster-replicas", "1", "--cluster-yes"];
  await promisify(execFile)(cli, command);
  for (;;) {
    const infos = await Promise.all(nodes.map(({ client }) => client.call("CLUSTER", "INFO")));
    const known = await Promise.all(nodes.map(({ client }) => client.call("CLUSTER", "NODES")));
    const isWell = infos.every((info) => String(info).includes("cluster_state:ok"));
    if (isWell && known.every((list) => String(list).match(/slave/g)?.length === PRIMARIES)) break;
    await wait(50);
  }
  return {
    connect() {
      const client = new Cluster(nodes.map(({ port }) => ({ host: HOST, port })));
      client.on("error", () => undefined);
      clients.push(client);
      return client;
    },
    async sum(field) {
      const infos = await Promise.all(nodes.map(({ client }) => client.call("CLUSTER", "INFO")));
      const found = infos.map((info) => Number(new RegExp(`${field}:(\\d+)`).exec(String(info))?.[1] ?? 0));
      return found.reduce((total, number) => total + number, 0);
    },
    async stop() {
      for (const client of clients) client.disconnect();
      await Promise.all(nodes.map((node) => node.stop()));
    },
  };
}
