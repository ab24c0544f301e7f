// What the watchers of a subject receive when a Cluster has lost the shard of some of its sessions.
import { delay } from "@wsession/conformance";
import { expect, onTestFinished, test } from "vitest";
import { hashSubject } from "../src/base/keys.ts";
import { slotOf } from "../src/base/slots.ts";
import { loseShard } from "./cluster-nodes.ts";
import { aCreation, newId } from "./fake-host.ts";
import { clusterOf, connected, startProcess } from "./processes.ts";
import { cli, startCluster, until } from "./redis-server.ts";

/** The slots of the first of three primaries, which is lost. */
const LOST_SLOTS = 5_461;

function on(where: "lost" | "living", slotsOf: (text: string) => readonly number[]): string {
  for (;;) {
    const text = newId();
    if (slotsOf(text).every((slot) => slot < LOST_SLOTS === (where === "lost"))) return text;
  }
}

const idOn = (where: "lost" | "living"): string => on(where, (id) => [slotOf(id)]);
/** A subject whose indexes, that of an older version too, are on one side. The list of those who watch it is on a living shard. */
function subjectOn(where: "lost" | "living"): string {
  for (;;) {
    const subject = on(where, (text) => {
      const hash = hashSubject(text);
      return [slotOf(hash), slotOf(hash.slice(0, 2))];
    });
    if (slotOf(hashSubject(subject).slice(-1)) >= LOST_SLOTS) return subject;
  }
}

test("a session whose shard is lost is not gone for those who watch its subject", async () => {
  const cluster = await startCluster();
  onTestFinished(() => cluster.stop());
  for (const { port } of cluster.nodes)
    await cli(port, "config", "set", "cluster-require-full-coverage", "no");
  const [primary] = cluster.nodes;
  if (primary === undefined) return expect.unreachable();
  const prefix = `t${newId()}`;
  const options = { prefix, timeoutMs: 1_000, leaseMs: 3_000, sweepMs: 600_000 };
  const [holder, watcher, lone] = [1, 2, 3].map(() => startProcess(clusterOf(cluster.nodes), options));
  if (holder === undefined || watcher === undefined || lone === undefined) return expect.unreachable();
  for (const one of [holder, watcher, lone]) {
    one.store.track({
      leaveAfterMs: 600_000,
      isAlways: true,
      events: new Set(),
      deliver: async () => undefined,
    });
    await connected(one);
  }

  // Ada is online by a session that will be lost. Her other session is away. The index of Bob will be lost.
  const [ada, bob, carl] = [subjectOn("living"), subjectOn("lost"), subjectOn("living")];
  const [lostId, livingId] = [idOn("lost"), idOn("living")];
  await holder.store.create(aCreation({ id: lostId, subject: ada, hold: true }));
  await holder.store.create(aCreation({ id: livingId, subject: ada, hold: true }));
  await holder.store.create(aCreation({ id: idOn("living"), subject: bob, hold: true }));
  await holder.store.release(livingId);
  await holder.store.create(aCreation({ id: idOn("lost"), subject: carl, hold: true }));
  const reported: string[] = [];
  await watcher.store.watch([ada, bob], ({ subject, type }) =>
    reported.push(`${subject === ada ? "ada" : "bob"} ${type}`),
  );
  await until(() => reported.length >= 2);
  expect(reported.toSorted()).toEqual(["ada online", "bob online"]);
  // Each session that this process watches will be lost.
  const reportedOfCarl: string[] = [];
  await lone.store.watch([carl], ({ type }) => reportedOfCarl.push(type));
  expect(reportedOfCarl).toEqual(["online"]);
  expect(lone.host.errors).toEqual([]);

  await loseShard(cluster.nodes);
  // A watch rejects while the Cluster still elects a new primary. A watch reads the subject before it resolves.
  await until(async () => (await watcher.store.watch([ada], () => undefined)) !== undefined, 20_000);
  await expect(watcher.store.watch([bob], () => undefined)).rejects.toMatchObject({
    code: "STORE_UNAVAILABLE",
  });
  expect(reported.toSorted()).toEqual(["ada online", "bob online"]);

  // No server has Carl's presence. So a new listener gets no event.
  const received: unknown[] = [];
  await expect(watcher.store.watch([carl], (event) => received.push(event))).rejects.toMatchObject({
    code: "STORE_UNAVAILABLE",
  });
  expect(received).toEqual([]);

  // The listener that Carl had before the outage gets the same report as a listener that has lost a part of the sessions.
  await expect(lone.store.watch([carl], () => undefined)).rejects.toMatchObject({
    code: "STORE_UNAVAILABLE",
  });
  // Reads that begin at the same time end in any order. A read that is overtaken by a later one must reject its watch too.
  const watches = Array.from({ length: 100 }, async (_, index) => {
    await delay(index % 20);
    await lone.store.watch([carl], () => undefined);
  });
  const outcomes = await Promise.allSettled(watches);
  expect(outcomes.filter(({ status }) => status === "fulfilled")).toEqual([]);
  await until(() => lone.host.errors.length > 0);
  expect(lone.host.errors).toEqual([expect.objectContaining({ code: "STORE_UNAVAILABLE" })]);
  expect(reportedOfCarl).toEqual(["online"]);

  // This read is incomplete too, and the outage has been reported.
  const before = watcher.host.errors.length;
  await watcher.store.watch([ada], () => undefined);
  expect(watcher.host.errors.slice(before)).toEqual([]);
  const { sessions } = await watcher.store.presenceOfSubject(ada);
  expect(sessions.map(({ id }) => id)).toEqual([livingId]);
  expect(watcher.host.errors.slice(before)).toEqual([expect.objectContaining({ code: "STORE_UNAVAILABLE" })]);
  await expect(watcher.store.presenceOfSubject(bob)).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });

  // The server has no data now, so the session is gone.
  await primary.restart();
  await until(() => reported.includes("ada away"), 20_000);
}, 90_000);
