import { readFileSync } from "node:fs";
import { join } from "node:path";
import { testStore } from "@wsession/conformance";
import { Cluster, Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { cli, startCluster, startRedis } from "../packages/store-redis/test/redis-server.ts";
import type { RedisCluster, RedisServer } from "../packages/store-redis/test/redis-server.ts";
import { harnessOf } from "./redis-harness.ts";

const user = { username: "app", password: "secret" };

/** The rules in the block of docs/operations.md that has them, for prefixes as the tests make them. */
function documentedRules(): string[] {
  const page = readFileSync(join(import.meta.dirname, "../docs/operations.md"), "utf8");
  const [, block = ""] = /^```acl\n(.*?)^```$/ms.exec(page) ?? [];
  return block
    .split(/\s+/)
    .filter((word) => word !== "")
    .map((word) => word.replace(/^([~&])ws:/, "$1t*:"));
}

async function restrict({ port }: RedisServer): Promise<void> {
  const answer = await cli(
    port,
    "acl",
    "setuser",
    user.username,
    "on",
    `>${user.password}`,
    ...documentedRules(),
  );
  if (answer !== "OK") throw new Error(`the rules are refused: ${answer}`);
}

let server: RedisServer;
let cluster: RedisCluster;

beforeAll(async () => {
  [server, cluster] = await Promise.all([startRedis(), startCluster()]);
  await Promise.all([server, ...cluster.nodes].map(restrict));
});

afterAll(async () => {
  await Promise.all([server?.stop(), cluster?.stop()]);
});

describe("a user with the rights of docs/operations.md alone", () => {
  testStore(
    "redisStore",
    harnessOf(() => new Redis({ port: server.port, host: server.host, ...user })),
  );

  testStore(
    "redisStore on a Cluster",
    harnessOf(() => {
      const nodes = cluster.nodes.map(({ host, port }) => ({ host, port }));
      return new Cluster(nodes, { redisOptions: user });
    }),
  );

  // Last of all: a call that does without a right that it was refused passes, and leaves an entry in the log.
  test("causes no entry in the ACL log", async () => {
    const logs = await Promise.all([server, ...cluster.nodes].map(({ port }) => cli(port, "acl", "log")));
    expect(logs.filter((log) => log !== "")).toEqual([]);
  });
});
