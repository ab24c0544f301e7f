import { once } from "node:events";
import { Cluster, Redis } from "ioredis";
import { describe, expect, onTestFinished, test } from "vitest";
import { aCreation, anAppend, aResume, aWrite, newId } from "./fake-host.ts";
import { isPrimary, replacePrimary } from "./cluster-nodes.ts";
import { scriptDigest } from "../src/scripts/text.ts";
import { type Process, clusterOf, connected, startProcess } from "./processes.ts";
import { type RedisServer, cli, startCluster, startSentinel, until, untilCopied } from "./redis-server.ts";
import { aServer } from "./shared-servers.ts";

const TIMEOUT_MS = 700;
/** The time limit in addition to the failover: a few calls, and a few connections that hang. */
const FAILOVER_MS = 30_000;

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

describe("fault B1: a primary that hangs without closing its connections", () => {
  test("calls and announcements continue after Sentinel has promoted its replica", async () => {
    const { primary, replica, sentinels, name, stop } = await startSentinel();
    onTestFinished(stop);
    const connect = (): Redis =>
      new Redis({ sentinels: sentinels.map(({ port }) => ({ host: "127.0.0.1", port })), name });
    const { store } = startProcess(connect, { timeoutMs: TIMEOUT_MS });
    const { id } = aCreation();
    await until(async () => (await store.create(aCreation({ id }))).type !== "full");
    await untilCopied([primary, replica], id, 2);
    primary.pause();
    await until(async () => (await store.write(aWrite(id, { n: 1 }))).type === "written", FAILOVER_MS);
    await until(
      async () => (await store.resume(aResume(id, { hold: true }))).type === "resumed",
      FAILOVER_MS,
    );
  }, 90_000);

  test("a primary that Sentinel has replaced, and that takes itself for the primary, is left within seconds", async () => {
    const running = await startSentinel();
    onTestFinished(running.stop);
    const { primary, replica, sentinels, name } = running;
    const connect = (): Redis =>
      new Redis({ sentinels: sentinels.map(({ port }) => ({ host: "127.0.0.1", port })), name });
    const { store } = startProcess(connect);
    const { id } = aCreation();
    await until(async () => (await store.create(aCreation({ id }))).type !== "full");
    await untilCopied([primary, replica], id, 2);
    await replacePrimary(running);
    await until(async () => {
      await store.write(aWrite(id, { moved: 1 }));
      return (await cli(replica.port, "hexists", `ws:s:{${id}}`, "d:moved")) === "1";
    }, FAILOVER_MS);
    expect(await isPrimary(primary)).toBe(true);
    await until(
      async () => (await store.resume(aResume(id, { hold: true }))).type === "resumed",
      FAILOVER_MS,
    );
  }, 90_000);

  test("a Sentinel that hangs does not prevent the use of other Sentinels", async () => {
    const { primary, sentinels, name, stop } = await startSentinel();
    onTestFinished(stop);
    sentinels[0]?.pause();
    const connect = (): Redis =>
      new Redis({ sentinels: sentinels.map(({ port }) => ({ host: "127.0.0.1", port })), name });
    const { store } = startProcess(connect, { timeoutMs: TIMEOUT_MS });
    await until(async () => (await store.create(aCreation({ hold: true }))).type === "created");
    expect(primary.pid).toBeGreaterThan(0);
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
    // Without the delay with which a primary waits for more replicas.
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
    // The demoted server can't reach a primary, and still answers from its own data.
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
    const reported = host.errors.filter((error) => String(error).includes("replica"));
    expect(reported).toEqual([expect.objectContaining({ code: "NOT_SUPPORTED" })]);
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
    // The server has both scripts from here on: a call that it refuses because a script is missing would count twice.
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

  test("a call that waits for the first connection does not count a server as lost because its answers were not read", async () => {
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
