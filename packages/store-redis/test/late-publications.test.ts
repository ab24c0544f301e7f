// Decisions that a process made before it stalled, and carries out afterwards.
import { once } from "node:events";
import type { SessionEventType } from "@wsession/core";
import { beforeEach, expect, onTestFinished, test } from "vitest";
import { scriptDigest } from "../src/scripts/text.ts";
import { aCreation, hold, newId } from "./fake-host.ts";
import { type Process, connected, startProcess } from "./processes.ts";
import { until } from "./redis-server.ts";
import { useRedisServer } from "./shared-servers.ts";
import { startProxy } from "./tcp-proxy.ts";

const server = useRedisServer();
let prefix = "";

beforeEach(() => {
  prefix = `t${newId()}`;
});

function tracked(
  options: Parameters<typeof startProcess>[1] = {},
  address: { readonly port: number } = server,
  events: readonly SessionEventType[] = [],
): Process {
  const started = startProcess(address, { prefix, timeoutMs: 20_000, sweepMs: 600_000, ...options });
  started.store.track({
    ...{ leaveAfterMs: 60_000, isAlways: true, events: new Set(events) },
    deliver: async () => undefined,
  });
  return started;
}

async function behindProxy() {
  const proxy = await startProxy(server);
  onTestFinished(() => proxy.close());
  return proxy;
}

async function watching({ store }: Process, ...subjects: string[]): Promise<string[]> {
  const reported: string[] = [];
  await store.watch(subjects, ({ subject, type }) => reported.push(`${subject} ${type}`));
  return reported;
}

test.each([["destroyed"], ["expired"]])(
  "a watcher gets no online for a session that was %s before its process published that it is online",
  async (how) => {
    const proxy = await behindProxy();
    const [late, other] = [tracked({}, proxy), tracked()];
    // Redis has the script, so that the request names the script by its digest.
    await late.store.create(aCreation({ subject: "bob", hold: true }));
    const observed = new Promise<void>((resolve) => proxy.holdFrom(scriptDigest("create"), resolve));
    const { id } = aCreation();
    const idleMs = how === "expired" ? 300 : 60_000;
    const creating = late.store.create(aCreation({ id, subject: "ada", hold: true, idleMs }));
    await observed;
    // The record stays after the deadline, which a busy machine may reach before this line.
    await until(async () => (await other.client.exists(`${prefix}:s:{${id}}`)) === 1);
    if (how === "destroyed") await other.store.destroy(id, undefined, false);
    await until(async () => !(await other.store.bySubject("ada")).includes(id));
    const reported = await watching(other, "ada", "eve");
    proxy.replies("pass");
    expect(await creating).toMatchObject({ type: "created" });
    // This is published after the other session, on the same connection.
    await late.store.create(aCreation({ subject: "eve", hold: true }));
    await until(() => reported.includes("eve online"));
    expect(reported.filter((one) => one.startsWith("ada"))).toEqual(["ada offline"]);
  },
);

test("a watcher gets online for a session that is live, however late its process publishes that", async () => {
  const proxy = await behindProxy();
  const [late, other] = [tracked({}, proxy), tracked()];
  await late.store.create(aCreation({ subject: "bob", hold: true }));
  const observed = new Promise<void>((resolve) => proxy.holdFrom(scriptDigest("create"), resolve));
  const reported = await watching(other, "ada");
  const creating = late.store.create(aCreation({ subject: "ada", hold: true }));
  await observed;
  await until(async () => (await other.store.bySubject("ada")).length === 1);
  // Another watch reads the subject again.
  await watching(other, "ada");
  proxy.replies("pass");
  await creating;
  await until(() => reported.at(-1) === "ada online");
  expect(reported).toEqual(["ada offline", "ada online"]);
});

test("a subject whose read fails after a late message is read again, until Redis answers", async () => {
  const [holderProxy, watcherProxy] = [await behindProxy(), await behindProxy()];
  const [late, other] = [tracked({}, holderProxy), tracked()];
  // Its lease is not renewed during the test, because the renewal would find that the subscription is held back too.
  const watcher = startProcess(watcherProxy, {
    prefix,
    timeoutMs: 2_000,
    leaseMs: 600_000,
    sweepMs: 600_000,
  });
  await late.store.create(aCreation({ subject: "bob", hold: true }));
  await connected(watcher);
  const reported = await watching(watcher, "ada");
  await firstSweep();
  const published = new Promise<void>((resolve) => holderProxy.holdFrom(scriptDigest("create"), resolve));
  const creating = late.store.create(aCreation({ subject: "ada", hold: true }));
  await published;
  await until(async () => (await other.store.bySubject("ada")).length === 1);
  // This read begins after the change, so that the message about the change is late. Its answer does not arrive.
  watcherProxy.holdFrom("zrangebyscore");
  await expect(watching(watcher, "ada")).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
  watcherProxy.replies("pass");
  await connected(watcher);
  // The message arrives, and the answer of the read that replaces the message does not.
  const read = new Promise<void>((resolve) => watcherProxy.holdFrom("zrangebyscore", resolve));
  holderProxy.replies("pass");
  await creating;
  await read;
  await once(watcher.commands, "close");
  watcherProxy.replies("pass");
  await until(() => reported.at(-1) === "ada online");
  expect(reported).toEqual(["ada offline", "ada online"]);
});

/** Redis loses the lease of `holding`, as in a failover, again and again until `check` is true. */
async function loseLease({ client }: Process, check: () => boolean | Promise<boolean>): Promise<void> {
  await until(async () => {
    const leases = await client.keys(`${prefix}:n:holder*`);
    if (leases.length > 0) await client.del(...leases);
    return check();
  }, 25_000);
}

async function holding(options: Parameters<typeof startProcess>[1]): Promise<string> {
  const started = tracked({ ...options, node: "holder" });
  const { id } = aCreation();
  await started.store.create(aCreation({ id, subject: "ada" }));
  await hold(started.store, started.host, id);
  return id;
}

/** The first watch of a process is followed by a sweep, a second later. */
const firstSweep = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 1_500));

/** Records nothing, so it checks no session of other processes. */
const watcherOnly = (sweepMs: number): Process => startProcess(server, { prefix, sweepMs, leaseMs: 900 });

test("a process that another process counts as dead, although it has its lease again, is reported online again", async () => {
  const leaseMs = 900;
  const proxy = await behindProxy();
  const id = await holding({ leaseMs });
  // This process reads that the other process has no lease, and acts on the result when the other process has a lease again.
  const slow = tracked({ leaseMs }, proxy);
  await slow.store.create(aCreation({ subject: "bob", hold: true }));
  const watcher = watcherOnly(600_000);
  const reported = await watching(watcher, "ada");
  await firstSweep();
  proxy.delayRequests(400);
  const presence = () => watcher.client.hget(`${prefix}:s:{${id}}`, "p");
  const before = await presence();
  // The slow process names the session once it has found that the holder has no lease. On a busy machine one of its checks may find the
  // lease, because the holder sets it again and again: then the slow process counts the holder as dead a second later.
  while ((await presence()) === before) {
    let isTakenForDead = false;
    proxy.holdFrom(id, () => {
      isTakenForDead = true;
      proxy.replies("pass");
    });
    await loseLease(watcher, () => isTakenForDead);
    await until(async () => (await presence()) !== before, 4_000).catch(() => undefined);
  }
  proxy.delayRequests(0);
  await until(async () => (await presence())?.split(" ")[1] === "0");
  await until(() => reported.at(-1) === "ada online");
  // The session is still in the queue of its holder. Otherwise no process would detect the holder's death.
  const [queue = ""] = await watcher.client.keys(`${prefix}:d:holder~????????`);
  // If the lease of the slow process lapses on a busy machine, the holder takes over the queue of the slow process.
  expect(await watcher.client.zrange(queue, "0", "-1")).toContain(id);
}, 90_000);

test("a subject that is read while its process has no lease is reported online again once the process has a lease", async () => {
  await holding({ leaseMs: 900 });
  const watcher = watcherOnly(600_000);
  const reported = await watching(watcher, "ada");
  await firstSweep();
  // Each watch reads the subject. On a busy machine one read may come while the process has its lease again.
  await loseLease(watcher, async () => {
    const stop = await watcher.store.watch(["ada"], () => undefined);
    stop();
    return reported.includes("ada away");
  });
  await until(() => reported.at(-1) === "ada online");
});
