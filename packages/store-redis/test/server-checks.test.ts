import { Cluster, Redis } from "ioredis";
import { beforeAll, describe, expect, test } from "vitest";
import { aCreation } from "./fake-host.ts";
import { redisStore } from "@wsession/store-redis";
import { startProcess } from "./processes.ts";
import { type RedisServer, cli, startRedis, until } from "./redis-server.ts";
import { aServer } from "./shared-servers.ts";

/** A call that has to fail takes this long. A busy machine may stall a call that has to succeed for a second. */
const TIMEOUT_MS = 2_000;
const HEALTH_MS = 1_000;

describe("the checks of a server when the store connects", () => {
  let server: RedisServer;
  beforeAll(async () => {
    server = await startRedis();
    return () => server.stop();
  });

  test("a server that evicts is refused and reported once, and used with allowEviction or after a change of its policy", async () => {
    await cli(server.port, "config", "set", "maxmemory-policy", "volatile-lru");
    const refused = startProcess(server, { timeoutMs: TIMEOUT_MS });
    const allowed = startProcess(server, { timeoutMs: TIMEOUT_MS, allowEviction: true });
    await expect(refused.store.create(aCreation())).rejects.toMatchObject({
      code: "STORE_UNAVAILABLE",
      outcome: "not-applied",
      cause: { message: expect.stringContaining("volatile-lru") },
    });
    expect(refused.host.errors).toEqual([
      expect.objectContaining({ code: "NOT_SUPPORTED", message: expect.stringContaining("allowEviction") }),
    ]);
    await until(async () => (await allowed.store.create(aCreation())).type === "created");
    await cli(server.port, "config", "set", "maxmemory-policy", "noeviction");
    await until(async () => (await refused.store.create(aCreation())).type === "created");
  });

  test("a policy that changes while the store is in use is reported, and the store keeps working", async () => {
    const { store, host } = startProcess(server, { leaseMs: 600 });
    await store.create(aCreation());
    await cli(server.port, "config", "set", "maxmemory-policy", "allkeys-lfu");
    await until(() => host.errors.length > 0);
    expect(host.errors).toEqual([expect.objectContaining({ code: "NOT_SUPPORTED" })]);
    expect((await store.create(aCreation())).type).toBe("created");
    await cli(server.port, "config", "set", "maxmemory-policy", "noeviction");
  });

  test("if the ACL permits neither INFO nor HELLO nor CONFIG, that is reported once, and the store works", async () => {
    await cli(
      server.port,
      "acl",
      "setuser",
      "narrow",
      "on",
      ">pw",
      "~ws:*",
      "&ws:*",
      "+@all",
      "-info",
      "-config",
      "-hello",
    );
    const connect = (): Redis =>
      new Redis({
        port: server.port,
        username: "narrow",
        password: "pw",
        enableReadyCheck: false,
        protocol: 2,
      });
    const { store, host } = startProcess(connect, { leaseMs: 600 });
    await until(async () => (await store.create(aCreation({ hold: true }))).type === "created");
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(host.errors).toEqual([
      expect.objectContaining({
        code: "NOT_SUPPORTED",
        message: expect.stringContaining("maxmemory-policy"),
      }),
    ]);
  });

  test("fault B: the checks continue once an operator gives a right back that the user did not have", async () => {
    const own = await aServer();
    const { store, host } = startProcess(own, { leaseMs: 600 });
    await until(async () => (await store.create(aCreation())).type === "created");
    await cli(own.port, "acl", "setuser", "default", "-info", "-config", "-hello");
    const unchecked = expect.objectContaining({ message: expect.stringContaining("can't check") });
    await until(() => host.errors.length > 0);
    expect(host.errors).toEqual([unchecked]);
    await cli(own.port, "acl", "setuser", "default", "+@all");
    await cli(own.port, "config", "set", "maxmemory-policy", "allkeys-lfu");
    await until(() => host.errors.length > 1);
    const eviction = expect.objectContaining({ message: expect.stringContaining("allkeys-lfu") });
    expect(host.errors).toEqual([unchecked, eviction]);
    // There is no primary on that port. The server is a replica nevertheless.
    await cli(own.port, "replicaof", "127.0.0.1", "1");
    await until(async () => (await store.health(HEALTH_MS)).role === "replica");
    await cli(own.port, "replicaof", "no", "one");
    await cli(own.port, "acl", "setuser", "default", "-info", "-config", "-hello");
    await until(() => host.errors.filter((error) => unchecked.asymmetricMatch(error)).length === 2);
  });

  test("the next connection uses a password that the application has changed at run time", async () => {
    const own = await aServer();
    await cli(own.port, "config", "set", "requirepass", "first");
    const client = new Redis({ port: own.port, password: "first" });
    const { store } = startProcess(() => client, { timeoutMs: TIMEOUT_MS });
    await until(async () => (await store.create(aCreation())).type === "created");
    await client.config("SET", "requirepass", "second");
    client.options.password = "second";
    await client.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
    await until(async () => (await store.create(aCreation())).type === "created");
  });

  test("a process that closes its client but not the store can end, because no connection of the store is left", async () => {
    const own = await aServer();
    const { store, client } = startProcess(own, { leaseMs: 600 });
    await store.create(aCreation({ hold: true }));
    await client.quit();
    await until(async () => (await cli(own.port, "client", "list")).split("\n").length === 1);
  });
});

test("fault B13: a client that does not read from primaries throws at once, and the error says what is wrong", async () => {
  const server = await aServer();
  const sentinels = [{ host: "127.0.0.1", port: server.port }];
  // tests/drivers.test.ts has the clients of other libraries.
  const refused = (client: unknown, message: RegExp): void => {
    expect(() => redisStore({ client: client as Redis })).toThrow(
      expect.objectContaining({ code: "INVALID_ARGUMENT", message: expect.stringMatching(message) }),
    );
  };
  const slave = new Redis({ sentinels, name: "m", role: "slave", lazyConnect: true });
  refused(slave, /role is "slave"/);
  refused(new Redis({ lazyConnect: true, readOnly: true }), /readOnly/);
  refused(new Redis({ lazyConnect: true, monitor: true }), /monitor/);
  refused(new Redis({ lazyConnect: true }).pipeline(), /pipeline/);
  refused(new Cluster([server], { lazyConnect: true, scaleReads: "all" }), /scaleReads/);
});
