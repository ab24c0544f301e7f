import { once } from "node:events";
import { connect, createServer } from "node:net";
import type { Socket } from "node:net";
import { describe, expect, onTestFinished, test } from "vitest";
import { cli, startLoneSentinel, startRedis } from "../../store-redis/test/redis-server.ts";
import { useRedisServer } from "../../store-redis/test/shared-servers.ts";
import { wsession } from "./program.ts";

const redis = useRedisServer();

interface Found {
  readonly level: string;
  readonly topic: string;
  readonly message: string;
  readonly remedy?: string;
}

const findingsOf = (stdout: string) => (JSON.parse(stdout) as { findings: Found[] }).findings;
const problemsOf = (stdout: string) => findingsOf(stdout).filter(({ level }) => level === "problem");

/** A server between the command and Redis, which changes replies, but not their lengths. Returns its port. */
async function throughProxy(change: (reply: string) => string): Promise<number> {
  const sockets = new Set<Socket>();
  const proxy = createServer((client) => {
    const server = connect(redis.port, "127.0.0.1");
    for (const socket of [client, server]) sockets.add(socket.on("error", () => undefined));
    client.on("data", (data) => server.write(data)).on("close", () => server.destroy());
    server
      .on("data", (data) => client.write(change(data.toString("latin1")), "latin1"))
      .on("close", () => client.destroy());
  });
  proxy.listen(0, "127.0.0.1");
  await once(proxy, "listening");
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    proxy.close();
  });
  const address = proxy.address();
  return typeof address === "object" && address !== null ? address.port : 0;
}

async function doctor(url: string, ...more: readonly string[]) {
  // Of two time limits the last one counts. A busy machine may take long.
  return wsession(["doctor", "--json", "--timeout", "10s", "--redis", url, ...more]);
}

describe("doctor", () => {
  test("finds nothing wrong with a server that wsession can use", async () => {
    const { code, stdout, stderr } = await doctor(`redis://127.0.0.1:${redis.port}`);
    expect(problemsOf(stdout)).toEqual([]);
    expect(findingsOf(stdout).map(({ topic }) => topic)).toEqual(
      expect.arrayContaining(["version", "role", "policy", "rights", "clock", "bus"]),
    );
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  });

  test("gets the primary from the Sentinels", async () => {
    const sentinel = await startLoneSentinel(redis);
    try {
      const url = `redis://127.0.0.1:${sentinel.port}`;
      const found = await doctor(url, "--sentinel", "wsession");
      expect({ code: found.code, problems: problemsOf(found.stdout) }).toEqual({ code: 0, problems: [] });
      const unknown = await doctor(url, "--sentinel", "another", "--timeout", "200ms");
      expect(unknown.code).toBe(1);
      expect(problemsOf(unknown.stdout)).toEqual([expect.objectContaining({ topic: "connection" })]);
    } finally {
      await sentinel.stop();
    }
  });

  test("names a replica, and a policy that evicts, each with a remedy", async () => {
    const replica = await startRedis([
      "--replicaof",
      `127.0.0.1 ${redis.port}`,
      "--maxmemory-policy",
      "allkeys-lru",
    ]);
    try {
      const { code, stdout } = await doctor(`redis://127.0.0.1:${replica.port}`);
      expect(code).toBe(1);
      expect(problemsOf(stdout)).toEqual([
        expect.objectContaining({ topic: "role", remedy: expect.stringContaining("primary") }),
        expect.objectContaining({ topic: "policy", remedy: expect.stringContaining("noeviction") }),
      ]);
    } finally {
      await replica.stop();
    }
  });

  test("names a version that is too old, and a clock that differs, each with a remedy", async () => {
    const old = await throughProxy((reply) => reply.replace(/(redis_version:)\d/, "$15"));
    const { code, stdout } = await doctor(`redis://127.0.0.1:${old}`);
    expect(code).toBe(1);
    expect(problemsOf(stdout)).toEqual([
      expect.objectContaining({ topic: "version", remedy: expect.stringContaining("6.2") }),
    ]);
    // The reply to TIME has the seconds, ten digits.
    const ahead = await throughProxy((reply) =>
      reply.replace(/^(\*2\r\n\$10\r\n)(\d{10})/, (_, head, seconds) => `${head}${Number(seconds) + 3_600}`),
    );
    const hour = await doctor(`redis://127.0.0.1:${ahead}`);
    const clock = findingsOf(hour.stdout).find(({ topic }) => topic === "clock");
    expect(clock).toMatchObject({
      level: "note",
      message: expect.stringMatching(/differ by 3[56]\d{5} ms/),
      remedy: expect.stringContaining("NTP"),
    });
  });

  test("reports a node of a Cluster that is given without --cluster", async () => {
    const node = await startRedis(["--cluster-enabled", "yes"]);
    try {
      const { code, stdout } = await doctor(`redis://127.0.0.1:${node.port}`);
      expect(code).toBe(1);
      expect(problemsOf(stdout)).toContainEqual(
        expect.objectContaining({ topic: "cluster", remedy: expect.stringContaining("--cluster") }),
      );
    } finally {
      await node.stop();
    }
  });

  test("names the rights that a user lacks: a command, the channels, and the rights that only presence needs", async () => {
    const rules = ["~ws:s:*", "~ws:o:*", "~ws:u:*", "~ws:g:*", "~ws:n:*", "+@all", "-hset"];
    await cli(redis.port, "acl", "setuser", "weak", "on", ">secret-word", "resetchannels", ...rules);
    const { code, stdout, stderr } = await doctor(`redis://weak:secret-word@127.0.0.1:${redis.port}`);
    expect(code).toBe(1);
    const found = findingsOf(stdout);
    expect(found).toContainEqual(
      expect.objectContaining({
        level: "problem",
        message: expect.stringMatching(/\+hset .*\+publish \+subscribe/),
      }),
    );
    expect(found).toContainEqual(
      expect.objectContaining({ level: "note", message: expect.stringContaining("presence") }),
    );
    expect(found).toContainEqual(
      expect.objectContaining({ level: "problem", topic: "bus", message: expect.stringContaining("NOPERM") }),
    );
    expect(stdout + stderr).not.toContain("secret-word");
  });

  test("says why Redis can't be reached within its time limit, without the password", async () => {
    const wrong = await doctor(`redis://nobody:secret-word@127.0.0.1:${redis.port}`, "--timeout", "3s");
    expect(problemsOf(wrong.stdout)).toEqual([
      expect.objectContaining({ topic: "connection", message: expect.stringContaining("WRONGPASS") }),
    ]);
    // Port 1 of the loopback has no server.
    const away = await doctor("redis://:secret-word@127.0.0.1:1", "--timeout", "1s");
    expect(problemsOf(away.stdout)).toEqual([
      expect.objectContaining({ message: expect.stringContaining("ECONNREFUSED") }),
    ]);
    for (const { code, stdout, stderr } of [wrong, away]) {
      expect(code).toBe(1);
      expect(stdout + stderr).not.toContain("secret-word");
    }
  });
});
