// Processes that end or stop in the middle of something, and the presence of their sessions.
import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { FramedPeer } from "@wsession/conformance";
import { DECOY_SUBPROTOCOL, SUBPROTOCOL } from "@wsession/protocol";
import { expect, onTestFinished, test } from "vitest";
import { until } from "../../packages/store-redis/test/redis-server.ts";
import { startProxy } from "../../packages/store-redis/test/tcp-proxy.ts";
import { scriptDigest } from "../../packages/store-redis/src/scripts/text.ts";
import { connect } from "../runtimes.ts";
import type { PresenceProcess } from "./presence/application-process.ts";
import { connectAll, leavers } from "./presence/leaving-trial.ts";
import { usePresenceProcesses } from "./presence/test-processes.ts";

const LEASE_MS = 1_500;
const LEAVE_MS = 3_000;
const LATE_MS = 2_000;
const { file, redis, start } = usePresenceProcesses({ leaseMs: LEASE_MS, leaveAfterMs: LEAVE_MS });

async function dial({ port }: PresenceProcess, user: string, token = ""): Promise<FramedPeer> {
  const protocols = [DECOY_SUBPROTOCOL, SUBPROTOCOL];
  return FramedPeer.over(await connect({ port }, `/?user=${user}&token=${token}`, { protocols }));
}

/** A client in the middle of a transaction, whose process is killed. */
async function killedInTransaction(holder: PresenceProcess, user: string) {
  const peer = await dial(holder, user);
  peer.attach();
  const { message } = await peer.until("plain");
  while (peer.hello === undefined) await peer.next();
  peer.sendCounted("add");
  await until(() => holder.reported.includes("transaction begun"));
  await holder.kill();
  return { peer, token: Buffer.from(message).toString() };
}

test("I21 a process is killed in the middle of a transaction: the client comes back elsewhere, its message counts once, and the user was away and never offline", async () => {
  const [holder, other] = await Promise.all([start({ transactionMs: 60_000 }), start({ watch: ["ada"] })]);
  const { peer, token } = await killedInTransaction(holder, "ada");
  const again = await dial(other, "ada", token);
  again.comeBack(peer, { client: peer.id, from: 1 });
  again.sendCounted("add");
  await again.until("applied");
  expect(await other.call("counts", "ada")).toEqual([1]);
  // The time at which a session that did not come back would have left.
  await delay(LEASE_MS + LEAVE_MS + LATE_MS);
  const reported = other.reported.filter((one) => one.startsWith("ada"));
  expect(reported.slice(1)).not.toContain("ada offline");
  expect(reported.at(-1)).toBe("ada online");
  expect(leavers(file)).toEqual([]);
  expect(await other.call("counts", "ada")).toEqual([1]);
});

test("I21 a process is killed in the middle of a transaction and the client stays away: nothing is committed, and the session leaves once", async () => {
  const [holder, other] = await Promise.all([
    start({ transactionMs: 60_000, leaveAfterMs: 500 }),
    start({ leaveAfterMs: 500 }),
  ]);
  await killedInTransaction(holder, "ada");
  await until(() => file.handled("left").size === 1);
  await delay(2 * LEASE_MS + LATE_MS);
  expect(leavers(file)).toEqual(["ada"]);
  expect(await other.call("counts", "ada")).toEqual([0]);
});

test("a process that is stopped until after the end of its session closes the connection once it continues, and the expiry was reported once", async () => {
  const idleMs = 2_500;
  const options = { idleMs, leaveAfterMs: 60_000 };
  const [holder, other] = await Promise.all([start(options), start({ ...options, watch: ["e0", "e1"] })]);
  const clients = await connectAll(holder, 2, "e");
  const closed = clients.map(async ({ socket }): Promise<unknown> => (await once(socket, "close"))[0]);
  const lastOf = (user: string) => other.reported.findLast((one) => one.startsWith(user));
  // The holder may be stopped before it has published that they are online, and then publishes that once it continues.
  holder.signal("SIGSTOP");
  await until(() => file.handled("expired").size === 2, idleMs + LEASE_MS + 10_000);
  await until(() => lastOf("e0") === "e0 offline" && lastOf("e1") === "e1 offline");
  const reported = other.reported.length;
  await delay(2 * LEASE_MS);
  holder.signal("SIGCONT");
  const codes = await Promise.all(closed);
  expect(codes).toEqual([4419, 4419]);
  await delay(2 * LEASE_MS + LATE_MS);
  const events = [...file.begun("expired").values()];
  expect(events.map(({ event, times }) => `${event.subject} ${times}`).toSorted()).toEqual(["e0 1", "e1 1"]);
  expect(leavers(file)).toEqual([]);
  expect(file.begun("destroyed").size).toBe(0);
  expect(other.reported.slice(reported)).toEqual([]);
});

test("a process is stopped while it handles events: another process handles them again under the same ids, once, and no process a third time", async () => {
  // Both run before the events begin, because a process may take longer to start than the handler runs.
  const [claimer, other] = await Promise.all([start({ handleMs: 4_000 }), start()]);
  const clients = await connectAll(claimer, 3, "s");
  for (const { socket } of clients) socket.close(1000);
  await until(() => file.begun("left").size === 3);
  claimer.signal("SIGSTOP");
  await until(() => file.handled("left").size === 3);
  claimer.signal("SIGCONT");
  await until(() => [...file.handled("left").values()].every(({ times }) => times === 2));
  await delay(2 * LEASE_MS + LATE_MS);
  expect([...file.begun("left").values()].map(({ times }) => times)).toEqual([2, 2, 2]);
  expect(leavers(file)).toEqual(["s0", "s1", "s2"]);
  expect((await other.call("presence", "s0")).type).toBe("offline");
});

test("a process is stopped after it has claimed an event and before it handles the event: another process handles the event, once", async () => {
  const proxy = await startProxy(redis());
  onTestFinished(() => proxy.close());
  const holder = await start({ redis: { kind: "standalone", port: proxy.port } });
  // By now Redis has the script, so that the next request names the script by its digest.
  const [first] = await connectAll(holder, 1, "f");
  first?.socket.close(1000);
  await until(() => file.handled("left").size === 1);
  const [client] = await connectAll(holder, 1, "s");
  const other = await start();
  proxy.holdFrom(scriptDigest("look"), () => holder.signal("SIGSTOP"));
  client?.socket.close(1000);
  await until(() => leavers(file).includes("s0"));
  await until(() => file.handled("left").size === 2);
  proxy.replies("pass");
  holder.signal("SIGCONT");
  // The answer to the claim comes before the answers to this call.
  expect((await holder.call("presence", "s0")).type).toBe("offline");
  await until(async () => (await other.call("presence", "f0")).type === "offline");
  expect([...file.begun("left").values()].map(({ times }) => times)).toEqual([1, 1]);
});
