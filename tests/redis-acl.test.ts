import { Cluster } from "ioredis";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startCluster, startRedis } from "../packages/store-redis/test/redis-server.ts";
import type { RedisCluster, RedisServer } from "../packages/store-redis/test/redis-server.ts";
import { createSessions } from "@wsession/core";
import { redisStore } from "@wsession/store-redis";
import { wsession as run } from "../packages/cli/test/program.ts";
import { requiredRights, ruleOf } from "../packages/store-redis/dist/inspection/required-rights.js";
import { Keys } from "../packages/store-redis/dist/base/keys.js";
import { documentedRules, documentedUser as user, restrict } from "./acl-rules.ts";
import { newPrefix } from "./stores.ts";

let server: RedisServer;
let cluster: RedisCluster;

beforeAll(async () => {
  [server, cluster] = await Promise.all([startRedis(), startCluster()]);
  await Promise.all([server, ...cluster.nodes].map(restrict));
});

afterAll(async () => {
  await Promise.all([server?.stop(), cluster?.stop()]);
});

describe("the command wsession with these rights", () => {
  const wsession = (args: readonly string[]) => run([...args, "--timeout", "10s"]);
  const urlOf = ({ port }: RedisServer) => `redis://${user.username}:${user.password}@127.0.0.1:${port}`;

  test("doctor asks for exactly the commands of the page, and finds no problem, on a Cluster either", async () => {
    const asked = requiredRights(new Keys("ws", "")).map(ruleOf);
    const documented = documentedRules().filter((rule) => rule.startsWith("+"));
    expect([...new Set(asked)].toSorted()).toEqual(documented.toSorted());
    const [single, all] = await Promise.all([
      wsession(["doctor", "--json", "--prefix", newPrefix(), "--redis", urlOf(server)]),
      wsession([
        "doctor",
        "--json",
        "--prefix",
        newPrefix(),
        "--cluster",
        "--redis",
        urlOf(cluster.nodes[0]!),
      ]),
    ]);
    for (const { code, stdout } of [single, all]) {
      const { findings } = JSON.parse(stdout) as { findings: { level: string; topic: string }[] };
      expect(findings.filter(({ level }) => level !== "ok")).toEqual([]);
      expect(code).toBe(0);
    }
    // The version, the role, the policy and the rights of each primary, and its sharded channels.
    const topics = (JSON.parse(all.stdout) as { findings: { topic: string }[] }).findings.map(
      ({ topic }) => topic,
    );
    expect(topics.filter((topic) => topic === "rights")).toHaveLength(3);
    expect(topics).toContain("channels");
  });

  test("inspect and destroy reach the sessions of every primary of a Cluster", async () => {
    const prefix = newPrefix();
    const nodes = cluster.nodes.map(({ host, port }) => ({ host, port }));
    const client = new Cluster(nodes, { redisOptions: user });
    const sessions = createSessions({
      store: redisStore({ client, prefix, timeoutMs: 10_000 }),
      initial: () => ({}),
    });
    try {
      await Promise.all(Array.from({ length: 30 }, () => sessions.create({}, { subject: "ada" })));
      const at = ["--json", "--prefix", prefix, "--cluster", "--redis", urlOf(cluster.nodes[0]!)];
      const counted = await wsession(["inspect", ...at]);
      expect(JSON.parse(counted.stdout)).toMatchObject({
        sessions: 30,
        indexEntries: 30,
        deadIndexEntries: 0,
      });
      const ended = await wsession(["destroy", "--subject", "ada", "--yes", ...at]);
      expect(JSON.parse(ended.stdout)).toMatchObject({ destroyed: 30 });
    } finally {
      await sessions.close();
      client.disconnect();
    }
  });
});
