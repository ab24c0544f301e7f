import { createHash } from "node:crypto";
import { Redis } from "ioredis";
import { describe, expect, test } from "vitest";
import { aCreation, aResume, hold, newId } from "./fake-host.ts";
import { clusterOf, startProcess } from "./processes.ts";
import { useStandaloneAndCluster } from "./shared-servers.ts";
import { aRotation } from "./fake-host.ts";

const servers = useStandaloneAndCluster();

describe.each([
  { kind: "standalone", connect: () => new Redis(servers.standalone?.port ?? 0) },
  { kind: "cluster", connect: () => clusterOf(servers.cluster?.nodes ?? [])() },
])("on $kind", ({ connect }) => {
  test("bySubject finds the sessions that were created with the subject and those that logged in", async () => {
    const { store } = startProcess(connect);
    const subject = newId();
    const [created, loggedIn, other] = [aCreation({ subject }), aCreation(), aCreation({ subject: newId() })];
    for (const creation of [created, loggedIn, other]) await store.create(creation);
    expect(await store.rotate(aRotation(loggedIn.id, subject))).toEqual({
      type: "rotated",
      version: 2,
      session: undefined,
    });
    expect((await store.load(loggedIn.id))?.subject).toBe(subject);
    expect((await store.bySubject(subject)).toSorted()).toEqual([created.id, loggedIn.id].toSorted());
    // A token from before the login (session fixation) is invalid.
    expect(await store.resume(aResume(loggedIn.id, { digest: loggedIn.digest }))).toEqual({ type: "stolen" });
    await store.rotate(aRotation(loggedIn.id, "someone else", 2));
    expect(await store.bySubject(subject)).toEqual([created.id]);
    await store.destroy(created.id, undefined, false);
    expect(await store.bySubject(subject)).toEqual([]);
  });

  test("fault A2: a session that got a subject meanwhile is not claimed by another subject: the result is foreign, and nothing is changed", async () => {
    const { store } = startProcess(connect);
    const [owner, other] = [newId(), newId()];
    const { id, digest } = aCreation();
    await store.create(aCreation({ id, digest, subject: owner }));
    const claim = { ...aRotation(id, other), onlyUnowned: true };
    expect(await store.rotate(claim)).toEqual({ type: "foreign" });
    expect(await store.load(id)).toMatchObject({ subject: owner, version: 1 });
    expect(await store.bySubject(other)).toEqual([]);
    expect((await store.resume(aResume(id, { digest }))).type).toBe("resumed");
    expect((await store.rotate({ ...claim, subject: owner })).type).toBe("rotated");
  });

  test("a session whose destruction was lost in a failover is still in the index, and the next destroySubject destroys it (index ⊇ live)", async () => {
    const { store, client } = startProcess(connect);
    for (const destroy of [
      (id: string) => store.destroy(id, undefined, false),
      (_: string, subject: string) => store.destroySubject(subject, undefined),
    ]) {
      const { id, subject } = { id: newId(), subject: newId() };
      await store.create(aCreation({ id, subject }));
      const key = `ws:s:{${id}}`;
      const before = await client.dumpBuffer(key);
      expect((await destroy(id, subject)).destroyed).toEqual([id]);
      expect(await store.bySubject(subject)).toEqual([]);
      // The index is in another slot, so it may have lost less.
      await client.restore(key, 60_000, before, "REPLACE");
      expect(await store.bySubject(subject)).toEqual([id]);
      expect((await store.destroySubject(subject, undefined)).destroyed).toEqual([id]);
      expect(await store.load(id)).toBeUndefined();
    }
  });

  test("an index expires after every session in it (index ⊇ live)", async () => {
    const prefix = `p${newId()}`;
    const { store, client } = startProcess(connect, { prefix });
    const subject = newId();
    const key = `${prefix}:u:{${createHash("sha256").update(subject).digest("base64url").slice(0, 12)}}`;
    const idleMs = 14_400_000;
    const longer = aCreation({ subject, idleMs, absoluteMs: 7_200_000 });
    const shorter = aCreation({ subject, absoluteMs: 5_000 });
    for (const creation of [longer, shorter]) await store.create(creation);
    expect(await client.pttl(key)).toBeGreaterThan(7_000_000);
    expect(await store.touch(shorter.id, 14_400_000, 14_400_000)).toBe(true);
    expect((await store.load(shorter.id))?.absoluteInMs).toBeGreaterThan(14_000_000);
    expect(await client.pttl(key)).toBeGreaterThan(14_000_000);
    const never = Number.POSITIVE_INFINITY;
    const endless = aCreation({ subject, idleMs: never, absoluteMs: never });
    for (const creation of [endless, aCreation({ subject })]) await store.create(creation);
    expect(await client.pttl(key)).toBe(-1);
    expect(await store.bySubject(subject)).toHaveLength(4);
  });

  test("each of 300 subjects has its own sessions only", async () => {
    const { store } = startProcess(connect, { prefix: `p${newId()}` });
    const creations = Array.from({ length: 300 }, (_, index) => aCreation({ subject: `subject ${index}` }));
    await Promise.all(creations.map((creation) => store.create(creation)));
    for (const { id, subject = "" } of creations) expect(await store.bySubject(subject)).toEqual([id]);
    const destroyed = creations.filter((_, index) => index % 2 === 0);
    for (const { id, subject = "" } of destroyed)
      expect((await store.destroySubject(subject, undefined)).destroyed).toEqual([id]);
    for (const [index, { id, subject = "" }] of creations.entries())
      expect(await store.bySubject(subject)).toEqual(index % 2 === 0 ? [] : [id]);
  });

  test("destroySubject destroys all of them, closes their connections elsewhere, and leaves others' alone", async () => {
    const [a, b] = [startProcess(connect), startProcess(connect)];
    const subject = newId();
    const mine = Array.from({ length: 20 }, () => aCreation({ subject }));
    const other = aCreation({ subject: newId() });
    for (const creation of [...mine, other]) {
      await a.store.create(creation);
      await hold(b.store, b.host, creation.id);
    }
    const report = await a.store.destroySubject(subject, "locked");
    expect(report.destroyed.toSorted()).toEqual(mine.map(({ id }) => id).toSorted());
    expect(report).toMatchObject({ closed: 20, unreachable: [] });
    expect([...b.host.sessions.keys()]).toEqual([other.id]);
    expect(await a.store.bySubject(subject)).toEqual([]);
    expect(await a.store.destroySubject(subject, undefined)).toMatchObject({ destroyed: [] });
    // A login after it is a new one.
    expect((await a.store.create(aCreation({ subject }))).type).toBe("created");
  });

  test("fault A1: a creation and a login that were decided before another process's destroySubject and start after it are refused", async () => {
    const [login, destroyer] = [startProcess(connect), startProcess(connect)];
    const subject = newId();
    const anonymous = aCreation();
    await login.store.create(anonymous);
    const decidedAt = performance.now();
    await destroyer.store.destroySubject(subject, undefined);
    const { id } = aCreation();
    expect(await login.store.create(aCreation({ id, subject, decidedAt }))).toEqual({ type: "revoked" });
    const rotation = { ...aRotation(anonymous.id, subject), decidedAt };
    expect(await login.store.rotate(rotation)).toEqual({ type: "revoked" });
    expect(await destroyer.store.bySubject(subject)).toEqual([]);
    expect(await login.store.load(id)).toBeUndefined();
    expect((await login.store.load(anonymous.id))?.subject).toBeUndefined();
    // Decisions from here on are made after the destruction.
    const now = performance.now();
    expect((await login.store.rotate({ ...rotation, decidedAt: now })).type).toBe("rotated");
    expect((await login.store.create(aCreation({ id, subject, decidedAt: now }))).type).toBe("created");
  });

  test("fault A1: in the process that called destroySubject, the next login of the subject is accepted", async () => {
    const { store } = startProcess(connect);
    for (let round = 0; round < 50; round += 1) {
      const subject = newId();
      await store.destroySubject(subject, undefined);
      const creation = aCreation({ subject, decidedAt: performance.now() });
      expect((await store.create(creation)).type).toBe("created");
    }
  });

  test("fault A1: epochs rise with the server's clock, also above an epoch that has expired or is ahead of the clock", async () => {
    const prefix = `p${newId()}`;
    const [{ store, client }, elsewhere] = [
      startProcess(connect, { prefix }),
      startProcess(connect, { prefix }),
    ];
    const subject = newId();
    const hash = createHash("sha256").update(subject).digest("base64url");
    const key = `${prefix}:g:{${hash.slice(0, 12)}}`;
    const epochNow = async (): Promise<number> => Number(await client.get(key));
    await store.destroySubject(subject, undefined);
    const first = await epochNow();
    await client.del(key);
    const decidedAt = performance.now();
    await store.destroySubject(subject, undefined);
    expect(await epochNow()).toBeGreaterThanOrEqual(first);
    expect(await elsewhere.store.create(aCreation({ subject, decidedAt }))).toEqual({ type: "revoked" });
    // The clock was set back by an hour.
    const ahead = (await epochNow()) + 3_600_000;
    await client.set(key, ahead);
    const inDoubt = aCreation({ subject, decidedAt: performance.now() });
    expect(await elsewhere.store.create(inDoubt)).toEqual({ type: "revoked" });
    const again = aCreation({ subject, decidedAt: performance.now() });
    expect((await elsewhere.store.create(again)).type).toBe("created");
    await store.destroySubject(subject, undefined);
    expect(await epochNow()).toBe(ahead + 1);
    expect(await elsewhere.store.create(aCreation({ subject, decidedAt: again.decidedAt }))).toEqual({
      type: "revoked",
    });
  });

  test("fault A1: a decision that is older than the lifetime of an epoch is refused", async () => {
    const { store } = startProcess(connect);
    const decidedAt = performance.now() - 13 * 3_600_000;
    expect(await store.create(aCreation({ subject: newId(), decidedAt }))).toEqual({ type: "revoked" });
  });

  test("no session that is being created or identified survives an acknowledged destroySubject", async () => {
    const [logins, destroyer] = [startProcess(connect), startProcess(connect)];
    let refused = 0;
    for (let round = 0; round < 15; round += 1) {
      const subject = newId();
      const creations = Array.from({ length: 8 }, () => aCreation({ subject }));
      const anonymous = Array.from({ length: 8 }, () => aCreation());
      await Promise.all(anonymous.map((creation) => logins.store.create(creation)));
      const before = [
        ...creations.map((creation) => logins.store.create(creation)),
        ...anonymous.map(({ id }) => logins.store.rotate(aRotation(id, subject))),
      ];
      // After a varying number of turns of the event loop, so that the destruction comes between their steps.
      for (let turn = 0; turn < round % 5; turn += 1) await new Promise(setImmediate);
      const { destroyed } = await destroyer.store.destroySubject(subject, undefined);
      const results = await Promise.all(before);
      const alive = await destroyer.store.bySubject(subject);
      // The surviving sessions were listed after the epoch was raised. A second destroySubject finds exactly these.
      expect((await destroyer.store.destroySubject(subject, undefined)).destroyed.toSorted()).toEqual(
        alive.toSorted(),
      );
      expect(await destroyer.store.bySubject(subject)).toEqual([]);
      refused += results.filter(({ type }) => type === "revoked").length;
      const made = results.filter(({ type }) => type === "created" || type === "rotated").length;
      expect(destroyed.length + alive.length).toBe(made);
      for (const { id } of [...creations, ...anonymous]) {
        expect((await destroyer.store.load(id))?.subject).not.toBe(subject);
      }
    }
    expect(refused).toBeGreaterThanOrEqual(0);
  });
});
