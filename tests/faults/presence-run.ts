// The long form of the faults of presence: `npm run test:faults -- --only presence`.
import { rmSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { expect, onTestFinished, test } from "vitest";
import {
  type RedisServer,
  startCluster,
  startRedis,
  startSentinel,
  until,
} from "../../packages/store-redis/test/redis-server.ts";
import type { Where } from "./application.mjs";
import { EventFile, PresenceProcess } from "./presence/application-process.ts";
import type { Options } from "./presence/worker.mjs";
import { connectAll, leavers, leavingTrial, usersOf } from "./presence/leaving-trial.ts";

const LEAVE_MS = 10_000;
const LEASE_MS = 3_000;
/** A process without a lease is detected after the lease, plus the time until another process checks. */
const NOTICED_MS = LEASE_MS + 2_000;

async function start(
  redis: Where,
  file: EventFile,
  leaveAfterMs: number,
  options: Partial<Options> = {},
): Promise<PresenceProcess> {
  const given = { redis, file: file.path, leaseMs: LEASE_MS, leaveAfterMs, ...options };
  const started = await PresenceProcess.start(given);
  onTestFinished(() => started.kill());
  return started;
}

function newFile(): EventFile {
  const file = new EventFile();
  onTestFinished(() => rmSync(file.path));
  return file;
}

async function standalone(): Promise<{ redis: RedisServer; where: Where; file: EventFile }> {
  const redis = await startRedis();
  onTestFinished(() => redis.stop());
  return { redis, where: { kind: "standalone", port: redis.port }, file: newFile() };
}

test("presence: of 10,000 sessions of a killed process each that does not come back leaves once, and no other", async () => {
  const { where, file } = await standalone();
  const [holder, other] = await Promise.all([start(where, file, LEAVE_MS), start(where, file, LEAVE_MS)]);
  const { back } = await leavingTrial({ holder, other, file, count: 10_000, leaveAfterMs: LEAVE_MS });
  expect(back).toBeGreaterThan(0);
});

test("presence: after a failover by Sentinel each of 200 sessions that are dropped leaves once", async () => {
  const sentinel = await startSentinel();
  onTestFinished(() => sentinel.stop());
  const ports = sentinel.sentinels.map(({ port }) => port);
  const left = await failover({ kind: "sentinel", ports, name: sentinel.name }, () =>
    sentinel.primary.kill(),
  );
  expect(left).toBe(200);
});

test("presence: after a primary of a Cluster was killed each of 200 sessions that are dropped leaves once", async () => {
  const cluster = await startCluster();
  onTestFinished(() => cluster.stop());
  const ports = cluster.nodes.map(({ port }) => port);
  const left = await failover({ kind: "cluster", ports }, async () => cluster.nodes[0]?.kill());
  expect(left).toBe(200);
});

test("presence: a process that is stopped loses its sessions for a while, and has them again once it continues; each leaves once", async () => {
  const { where, file } = await standalone();
  const [holder, other] = await Promise.all([
    start(where, file, 1_000, { node: "web-1" }),
    start(where, file, 1_000, { node: "web-2", watch: ["s0"] }),
  ]);
  const [client] = await connectAll(holder, 1, "s");
  await until(() => other.reported.at(-1) === "s0 online");
  expect((await other.call("presence", "s0")).sessions).toMatchObject([{ connections: 1, nodes: ["web-1"] }]);
  const stoppedAt = performance.now();
  holder.signal("SIGSTOP");
  await until(() => other.reported.at(-1) === "s0 away");
  expect(performance.now() - stoppedAt).toBeLessThan(NOTICED_MS);
  await until(() => other.reported.at(-1) === "s0 offline");
  holder.signal("SIGCONT");
  await until(() => other.reported.at(-1) === "s0 online");
  expect(leavers(file)).toEqual(["s0"]);
  client?.socket.terminate();
  await until(() => leavers(file).length === 2 && other.reported.length === 7);
  expect(other.reported).toEqual(
    ["offline", "online", "away", "offline", "online", "away", "offline"].map((type) => `s0 ${type}`),
  );
});

test("presence: while Redis is unavailable no session leaves, and clients have leaveAfterMs to return after the outage", async () => {
  const leaveAfterMs = 5_000;
  const { redis, where, file } = await standalone();
  const [holder, other] = await Promise.all([
    start(where, file, leaveAfterMs),
    start(where, file, leaveAfterMs),
  ]);
  const [first, second] = await connectAll(holder, 2, "r");
  // Both have been connected for a beat of the lease.
  await delay(LEASE_MS);
  first?.socket.terminate();
  await delay(100);
  redis.pause();
  await delay(2 * leaveAfterMs);
  redis.continue();
  await until(() => other.connect("r0", first?.token).then(() => true));
  await delay(2 * leaveAfterMs);
  expect(leavers(file)).toEqual([]);
  second?.socket.close(1000);
  await until(() => leavers(file).length === 1);
});

test("presence: a session that is destroyed, expires or gets another subject while it is away leaves neither after its end nor under its former subject", async () => {
  const { where, file } = await standalone();
  const options = { idleMs: 6_000 };
  const [one, two] = await Promise.all([
    start(where, file, 3_000, options),
    start(where, file, 3_000, options),
  ]);
  const clients = await connectAll(one, 3, "o");
  for (const { socket } of clients) socket.terminate();
  await until(async () => (await two.call("presence", "o1")).type === "away");
  await two.call("destroySubject", "o0");
  await two.call("identify", { from: "o1", to: "other" });
  await until(() => file.begun("expired").size === 2);
  expect(leavers(file)).toEqual(["o2", "other"]);
  expect([...file.begun("destroyed").values()]).toMatchObject([{ event: { subject: "o0" }, times: 1 }]);
  const expired = [...file.begun("expired").values()].map(({ event }) => String(event.subject));
  expect(expired.toSorted()).toEqual(["o2", "other"]);
});

async function failover(where: Where, fail: () => Promise<unknown>): Promise<number> {
  const file = newFile();
  const leaveAfterMs = 3_000;
  const [holder, other] = await Promise.all([
    start(where, file, leaveAfterMs),
    start(where, file, leaveAfterMs),
  ]);
  const clients = await connectAll(holder, 200, "u");
  await fail();
  // Until the new primary answers for every session.
  await until(async () => {
    for (const { user } of clients)
      if ((await other.call("presence", user)).type !== "online") throw new Error(`${user} is not online`);
    return true;
  }, 30_000);
  expect(leavers(file)).toEqual([]);
  for (const { socket } of clients) socket.terminate();
  await until(() => leavers(file).length >= clients.length, 30_000);
  expect(leavers(file)).toEqual(usersOf(clients));
  return leavers(file).length;
}
