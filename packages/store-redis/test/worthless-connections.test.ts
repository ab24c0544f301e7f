import { once } from "node:events";
import { Cluster, Redis } from "ioredis";
import { beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { aCreation, anAppend, aResume, aWrite, newId } from "./fake-host.ts";
import { redisStore } from "@wsession/store-redis";
import { scriptDigest } from "../src/scripts/text.ts";
import { leaveCluster } from "./cluster-nodes.ts";
import { type Process, clusterOf, connected, startProcess } from "./processes.ts";
import {
  type RedisServer,
  cli,
  startCluster,
  startRedis,
  startSentinel,
  until,
  untilCopied,
} from "./redis-server.ts";
import { startProxy } from "./tcp-proxy.ts";

const TIMEOUT_MS = 700;
/** The time limit in addition to the failover: a few calls, and a few connections that hang. */
const FAILOVER_MS = 30_000;

async function aServer(args: readonly string[] = []): Promise<RedisServer> {
  const server = await startRedis(args);
  onTestFinished(() => server.stop());
  return server;
}

/** How often scripts ran on a server. */
async function scripts({ port }: RedisServer): Promise<number> {
  const stats = await cli(port, "info", "commandstats");
  return ["evalsha", "eval"].reduce(
    (sum, name) => sum + Number(new RegExp(`cmdstat_${name}:calls=(\\d+)`).exec(stats)?.[1] ?? 0),
    0,
  );
}

/** How many creations a server that logs each command has received. */
async function creations({ port }: RedisServer): Promise<number> {
  const log = await cli(port, "slowlog", "get", "10000");
  return log.split(scriptDigest("create")).length - 1;
}

describe("fault B1: a master that hangs without closing its connections", () => {
  test("calls and announcements continue after Sentinel has promoted its replica", async () => {
    const { master, replica, sentinels, name, stop } = await startSentinel();
    onTestFinished(stop);
    const connect = (): Redis =>
      new Redis({ sentinels: sentinels.map(({ port }) => ({ host: "127.0.0.1", port })), name });
    const { store } = startProcess(connect, { timeoutMs: TIMEOUT_MS });
    const { id } = aCreation();
    await until(async () => (await store.create(aCreation({ id }))).type !== "full");
    await untilCopied([master, replica], id, 2);
    master.pause();
    await until(async () => (await store.write(aWrite(id, { n: 1 }))).type === "written", FAILOVER_MS);
    await until(
      async () => (await store.resume(aResume(id, { hold: true }))).type === "resumed",
      FAILOVER_MS,
    );
  }, 90_000);

  test("a Sentinel that hangs does not prevent the use of other Sentinels", async () => {
    const { master, sentinels, name, stop } = await startSentinel();
    onTestFinished(stop);
    sentinels[0]?.pause();
    const connect = (): Redis =>
      new Redis({ sentinels: sentinels.map(({ port }) => ({ host: "127.0.0.1", port })), name });
    const { store } = startProcess(connect, { timeoutMs: TIMEOUT_MS });
    await until(async () => (await store.create(aCreation({ hold: true }))).type === "created");
    expect(master.pid).toBeGreaterThan(0);
  }, 60_000);

  test("calls and announcements continue after a Cluster has promoted its replica", async () => {
    const cluster = await startCluster();
    onTestFinished(() => cluster.stop());
    const { store } = startProcess(clusterOf(cluster.nodes), { timeoutMs: TIMEOUT_MS });
    const ids = Array.from({ length: 24 }, () => aCreation().id);
    for (const id of ids) await until(async () => (await store.create(aCreation({ id }))).type !== "full");
    for (const id of ids) await untilCopied(cluster.nodes, id, 2);
    cluster.nodes[0]?.pause();
    const works = async (id: string): Promise<void> => {
      await until(async () => {
        const written = await store.write(aWrite(id, { n: 1 }));
        return written.type === "written" || written.type === "missing";
      }, FAILOVER_MS);
      await until(
        async () => (await store.resume(aResume(id, { hold: true }))).type !== "wrong",
        FAILOVER_MS,
      );
    };
    await Promise.all(ids.map(works));
  }, 120_000);

  test("the store ends its connection to a server that hangs, and uses another server in its place", async () => {
    const [first, second] = [await aServer(), await aServer()];
    const client = new Redis(first.port, "127.0.0.1");
    const { store, commands } = startProcess(() => client, { timeoutMs: TIMEOUT_MS });
    await until(async () => (await store.create(aCreation())).type === "created");
    if (commands instanceof Cluster) return expect.unreachable();
    // The host name leads to another server from now on, as after a change in DNS.
    commands.options.port = second.port;
    first.pause();
    await until(async () => (await store.create(aCreation())).type === "created");
    expect(await scripts(second)).toBeGreaterThan(0);
  });
});

describe("fault B2: a primary that becomes a replica while a connection is open (I7)", () => {
  test("an error READONLY leads to a new connection, and nothing is read from the old one meanwhile", async () => {
    // Without the delay with which a master waits for more replicas.
    const [demoted, promoted] = [await aServer(["--repl-diskless-sync-delay", "0"]), await aServer()];
    await cli(promoted.port, "replicaof", "127.0.0.1", String(demoted.port));
    const client = new Redis(demoted.port, "127.0.0.1");
    const { store, commands } = startProcess(() => client);
    const { id } = aCreation();
    await store.create(aCreation({ id, data: { n: 0 } }));
    await untilCopied([demoted, promoted], id, 2);
    if (commands instanceof Cluster) return expect.unreachable();
    commands.options.port = promoted.port;
    await cli(promoted.port, "replicaof", "no", "one");
    // The demoted server can't reach a master, and still answers from its own data.
    await cli(demoted.port, "replicaof", "127.0.0.1", "1");
    expect(await store.write(aWrite(id, { n: 1 }))).toMatchObject({ type: "written", version: 2 });
    expect(await store.load(id)).toMatchObject({ version: 2, data: { n: 1 } });
  });

  test("before its role is detected the store answers no read, and reports no session as gone", async () => {
    const [demoted, promoted] = [await aServer(["--repl-diskless-sync-delay", "0"]), await aServer()];
    await cli(promoted.port, "replicaof", "127.0.0.1", String(demoted.port));
    const ids = { changed: newId(), destroyed: newId(), later: newId(), last: newId() };
    const aRead = { from: { offset: 0, chain: 0 }, witness: undefined, maxBytes: 1_000, reader: undefined };
    const asks: readonly ((store: Process["store"]) => unknown)[] = [
      async (store) => (await store.load(ids.changed))?.version,
      async (store) => (await store.resume(aResume(ids.destroyed, { digest: undefined }))).type,
      async (store) => (await store.read?.({ ...aRead, id: ids.destroyed }))?.type,
      (store) => store.touch(ids.later, 60_000, undefined),
      async (store) => (await store.write(aWrite(ids.later, { n: 1 }))).type,
      async (store) => (await store.append?.(anAppend(ids.later, ["one"])))?.type,
      async (store) => (await store.destroy(ids.last, undefined, true)).destroyed,
    ];
    const processes = asks.map(() =>
      startProcess(() => new Redis(demoted.port, "127.0.0.1"), { timeoutMs: 5_000 }),
    );
    for (const id of [ids.changed, ids.destroyed])
      await processes[0]?.store.create(aCreation({ id, data: { n: 0 } }));
    await Promise.all(processes.map(connected));
    await untilCopied([demoted, promoted], ids.destroyed, 2);
    for (const { commands } of processes)
      if (commands instanceof Redis) commands.options.port = promoted.port;
    await cli(promoted.port, "replicaof", "no", "one");
    const elsewhere = startProcess(() => new Redis(promoted.port, "127.0.0.1"));
    await elsewhere.store.write(aWrite(ids.changed, { n: 1 }));
    await elsewhere.store.destroy(ids.destroyed, undefined, true);
    for (const id of [ids.later, ids.last]) await elsewhere.store.create(aCreation({ id }));
    await cli(demoted.port, "replicaof", "127.0.0.1", "1");
    expect(await Promise.all(processes.map(({ store }, index) => asks[index]?.(store)))).toEqual([
      2,
      "missing",
      "missing",
      true,
      "written",
      "appended",
      [ids.last],
    ]);
  });

  test("its role is detected within seconds also without a write, and reads are refused", async () => {
    const server = await aServer();
    const { store, host } = startProcess(server, { timeoutMs: TIMEOUT_MS });
    const { id } = aCreation();
    await until(async () => (await store.create(aCreation({ id }))).type !== "full");
    await cli(server.port, "replicaof", "127.0.0.1", "1");
    await until(async () =>
      store.load(id).then(
        () => false,
        () => true,
      ),
    );
    await expect(store.load(id)).rejects.toMatchObject({
      code: "STORE_UNAVAILABLE",
      outcome: "not-applied",
      cause: { message: expect.stringContaining("replica") },
    });
    const told = host.errors.filter((error) => String(error).includes("replica"));
    expect(told).toEqual([expect.objectContaining({ code: "NOT_SUPPORTED" })]);
    await cli(server.port, "replicaof", "no", "one");
    await until(async () => (await store.load(id)) !== undefined);
  });
});

describe("fault B3: Redis hangs while new handshakes arrive", () => {
  test("at most 100 commands are sent, and no command runs later whose caller has stopped waiting", async () => {
    const server = await aServer();
    const { store } = startProcess(server, { timeoutMs: TIMEOUT_MS });
    await connected({ store });
    const { id } = aCreation();
    await store.create(aCreation({ id, hold: true }));
    // The server has both scripts from here on: what it refuses for want of one would count twice.
    await store.release(id);
    await cli(server.port, "config", "set", "slowlog-max-len", "10000");
    await cli(server.port, "config", "set", "slowlog-log-slower-than", "0");
    const before = await scripts(server);
    server.pause();
    const settled: Promise<unknown>[] = [];
    const endsAt = performance.now() + 3_000;
    while (performance.now() < endsAt || settled.length <= 200) {
      for (let count = 0; count < 4; count += 1)
        settled.push(store.create(aCreation({ hold: true })).catch((error: unknown) => error));
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    await Promise.all(settled);
    server.continue();
    await until(async () => (await store.create(aCreation())).type === "created");
    const sent = await creations(server);
    expect(sent).toBeGreaterThan(0);
    expect(sent).toBeLessThanOrEqual(100);
    // One command for each newcomer, and one that removes its connection again, because Redis may have counted it.
    expect((await scripts(server)) - before).toBeLessThanOrEqual(2 * sent + 10);
  });
});

/** Blocks this process for `ms` milliseconds. */
function standStill(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

describe("fault B4: the process is suspended past a call's deadline", () => {
  test("an unread reply in the socket counts", async () => {
    const server = await aServer();
    const timeoutMs = 1_500;
    const { store } = startProcess(server, { timeoutMs });
    await connected({ store });
    const { id } = aCreation();
    await store.create(aCreation({ id, data: { n: 0 } }));
    // A script that the server does not have yet is answered with that, and takes two turns.
    await store.write(aWrite(id, { n: 1 }));
    await store.load(id);
    const writing = store.write(aWrite(id, { n: 2 }, { known: 2 }));
    const loading = store.load(id);
    // Commands of this turn are sent at its end. Then timers run, before the sockets are read.
    await new Promise(setImmediate);
    standStill(timeoutMs + 300);
    expect(await writing).toMatchObject({ type: "written", version: 3 });
    expect((await loading)?.version).toBeGreaterThan(0);
  });

  test("a call that waits for the first connection does not take a server for lost whose answers were not read", async () => {
    const server = await aServer();
    const timeoutMs = 3_000;
    const { store, commands } = startProcess(server, { timeoutMs });
    const creating = store.create(aCreation()).catch((error: unknown) => error);
    const reading = store.presenceOfSubject("ada").catch((error: unknown) => error);
    await once(commands, "ready");
    // The checks of this turn are sent at its end. Then timers run, before the sockets are read.
    await new Promise(setImmediate);
    standStill(timeoutMs + 300);
    expect(await reading).toMatchObject({ type: "offline", sessions: [] });
    // A write is not sent after its deadline (I10).
    expect(await creating).toMatchObject({ outcome: "not-applied", message: "Redis was reached too late" });
  });

  test("the subscription and the connection stay", async () => {
    const server = await aServer();
    const { store, host, commands } = startProcess(server, { timeoutMs: 500, leaseMs: 1_500 });
    const { id } = aCreation();
    await until(async () => (await store.create(aCreation({ id, hold: true }))).type !== "full");
    let ended = 0;
    commands.on("close", () => (ended += 1));
    for (let times = 0; times < 4; times += 1) {
      standStill(1_125);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    expect(ended).toBe(0);
    expect(host.errors).toEqual([]);
  });
});

describe("fault B5: a subscription is checked by a message to its own channel", () => {
  test("changes arrive again soon after the subscription's node has left the Cluster and keeps running", async () => {
    const cluster = await startCluster();
    onTestFinished(() => cluster.stop());
    const timing = { timeoutMs: TIMEOUT_MS, leaseMs: 1_500, sweepMs: 600_000 };
    const writer = startProcess(clusterOf(cluster.nodes), timing);
    const { id } = aCreation();
    await until(async () => (await writer.store.create(aCreation({ id }))).type !== "full");
    // A replica can be reset with its data; a process whose subscription is on one is looked for.
    let holder: Process;
    let carrier: RedisServer | undefined;
    do {
      holder = startProcess(clusterOf(cluster.nodes), timing);
      await held(holder, id);
      carrier = await carrierOf(cluster.nodes, holder, id);
    } while (carrier === undefined);
    await leaveCluster(cluster.nodes, carrier);
    let version = 1;
    await until(async () => {
      const written = await writer.store.write(aWrite(id, { version }, { known: version }));
      if (written.type === "written") ({ version } = written);
      return (holder.host.held(id)?.version ?? 0) > 1;
    }, 20_000);
  }, 90_000);

  test("a subscription that delivers nothing, on a connection that answers PING, is replaced", async () => {
    const server = await aServer();
    const elsewhere = await aServer();
    const proxy = await startProxy(elsewhere);
    onTestFinished(() => proxy.close());
    const client = new Redis(server.port, "127.0.0.1");
    const duplicate = client.duplicate.bind(client);
    let made = 0;
    client.duplicate = (options) => {
      const own = duplicate(options);
      made += 1;
      // The first subscription goes to a server on which nothing is published, as if the server were disconnected.
      if (made === 2) own.options.port = proxy.port;
      return own;
    };
    const { store } = startProcess(() => client, { timeoutMs: TIMEOUT_MS, leaseMs: 900 });
    await until(async () => (await store.create(aCreation({ hold: true }))).type === "created");
    expect(made).toBeGreaterThan(2);
  });
});

async function held({ store, host }: Process, id: string): Promise<void> {
  await until(async () => {
    const resumed = await store.resume(aResume(id, { hold: true }));
    if (resumed.type === "resumed") host.adopt(id, resumed.session);
    return resumed.type === "resumed";
  });
}

/** The replica that a holder's subscription is on; `undefined`: on a master. A holder that was asked for is let go. */
async function carrierOf(
  nodes: readonly RedisServer[],
  holder: Process,
  id: string,
): Promise<RedisServer | undefined> {
  const [own] = (await holder.store.presence(id)).nodes;
  for (const server of nodes) {
    const channels = await cli(server.port, "pubsub", "channels", `ws:k:${own?.node}`);
    if (channels !== "" && (await cli(server.port, "role")).startsWith("slave")) return server;
  }
  await holder.store.close();
  return undefined;
}

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

test("fault B13: a client that does not speak to masters throws at once, and the error says what is wrong", async () => {
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
