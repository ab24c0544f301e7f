import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { expect, test } from "vitest";
import { WebSocket } from "ws";
import { startLateness } from "../../packages/store-redis/test/lateness.ts";
import { until } from "../../packages/store-redis/test/redis-server.ts";
import { connectAll, leavers as leaversIn, leavingTrial, usersOf } from "./presence/leaving-trial.ts";
import { usePresenceProcesses } from "./presence/test-processes.ts";

const LEASE_MS = 1_500;
const LEAVE_MS = 1_000;
const NOTICED_MS = 1_000;
/** What a busy machine adds to a bound. */
const BUSY_MS = 2_000;
const { file, start } = usePresenceProcesses({ leaseMs: LEASE_MS, leaveAfterMs: LEAVE_MS });

const leavers = (): string[] => leaversIn(file);

test("of 1,000 sessions of a killed process each that does not come back leaves once, within the bound, and no other", async () => {
  // The first clients have to come back before it is over, also on a busy machine.
  const leaveAfterMs = 4_000;
  const [holder, other] = await Promise.all([start({ leaveAfterMs }), start({ leaveAfterMs })]);
  const trial = { holder, other, file, count: 1_000, leaveAfterMs };
  const { back, late, lastAfterMs } = await leavingTrial(trial);
  expect(back).toBeGreaterThan(0);
  // docs/presence.md: the lease, a second until another process checks, `leaveAfterMs`, and a second for the event. A session of a
  // client that came back late may leave later.
  if (late === 0)
    expect(lastAfterMs).toBeLessThan(LEASE_MS + NOTICED_MS + leaveAfterMs + NOTICED_MS + BUSY_MS);
});

test("the users of a killed process are away within the lease and a second, and have left within leaveAfterMs and a second more", async () => {
  const leaveAfterMs = 300;
  const users = Array.from({ length: 20 }, (_, n) => `k${n}`);
  const [holder, other] = await Promise.all([start({ leaveAfterMs }), start({ leaveAfterMs, watch: users })]);
  await connectAll(holder, users.length, "k");
  const countOf = (type: string) => other.reported.filter((event) => event.endsWith(` ${type}`)).length;
  await until(() => countOf("online") === users.length);
  const lateMs = startLateness(() => other.call("presence", "k0"));
  const killedAt = performance.now();
  const killedDate = Date.now();
  await holder.kill();
  await until(() => countOf("away") === users.length);
  expect(performance.now() - killedAt - lateMs()).toBeLessThan(LEASE_MS + NOTICED_MS + BUSY_MS);
  await until(() => file.handled("left").size === users.length);
  const leftAfterMs = file.lastAt("left") - killedDate - lateMs();
  expect(leftAfterMs).toBeLessThan(LEASE_MS + 2 * NOTICED_MS + leaveAfterMs + BUSY_MS);
  expect(leavers()).toEqual(users.toSorted());
  expect([...file.begun("left").values()].every(({ times }) => times === 1)).toBe(true);
});

test("an event whose handler is killed is delivered again under the same id, also if the session's holder is killed too", async () => {
  const [holder, claimer, third] = await Promise.all([start(), start({ handleMs: 60_000 }), start()]);
  const clients = await connectAll(holder, 3, "h");
  const others = await connectAll(claimer, 2, "c");
  for (const { socket } of others) socket.close(1000);
  await until(() => file.begun("left").size === 2);
  await Promise.all([holder.kill(), claimer.kill()]);
  await until(() => file.handled("left").size === 5);
  await delay(LEASE_MS);
  expect(leavers()).toEqual([...usersOf(clients), ...usersOf(others)].toSorted());
  const again = [...file.begun("left").values()].filter(({ times }) => times === 2);
  expect(again.map(({ event }) => String(event.subject)).toSorted()).toEqual(usersOf(others));
  expect((await third.call("presence", "h0")).type).toBe("offline");
});

test("100 reconnects to two processes in turn give no event, and no watcher gets offline for the user", async () => {
  // Longer than a busy machine stalls a reconnect.
  const leaveAfterMs = 3_000;
  const [one, two] = await Promise.all([start({ leaveAfterMs }), start({ leaveAfterMs, watch: ["f0"] })]);
  let [client] = await connectAll(one, 1, "f");
  await until(() => two.reported.at(-1) === "f0 online");
  for (let n = 0; n < 100; n += 1) {
    client?.socket.terminate();
    client = await (n % 2 === 0 ? two : one).connect("f0", client?.token);
  }
  await delay(leaveAfterMs + LEAVE_MS);
  expect(leavers()).toEqual([]);
  expect(two.reported.slice(1)).not.toContain("f0 offline");
  client?.socket.terminate();
});

test("a process without `events.destroyed` is killed while it destroys sessions: each event comes once, also if the process that handles it is killed", async () => {
  const [holder, claimer, destroyer] = await Promise.all([
    start(),
    start({ handleMs: 60_000 }),
    start({ events: [] }),
  ]);
  const clients = await connectAll(holder, 40, "d");
  const closed = clients.map(async ({ socket }) => once(socket, "close"));
  const destroyed = clients.map(({ user }) => destroyer.call("destroySubject", user));
  for (const one of destroyed) one.catch(() => undefined);
  await Promise.race(closed);
  await destroyer.kill();
  await until(() => file.begun("destroyed").size > 0);
  await claimer.kill();
  const ended = (): string[] =>
    clients.filter(({ socket }) => socket.readyState === WebSocket.CLOSED).map(({ user }) => user);
  const subjectsOfEvents = (): string[] =>
    [...file.handled("destroyed").values()].map(({ event }) => String(event.subject));
  await until(() => subjectsOfEvents().length > 0 && subjectsOfEvents().length >= ended().length, 15_000);
  // An event that is handled twice, or of a session that lives, would come now.
  await delay(2 * LEASE_MS + NOTICED_MS);
  expect(subjectsOfEvents().toSorted()).toEqual(ended().toSorted());
  expect([...file.handled("destroyed").values()].every(({ times }) => times === 1)).toBe(true);
  expect(leavers()).toEqual([]);
});
