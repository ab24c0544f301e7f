import { createHash } from "node:crypto";
import { type Command, Redis } from "ioredis";
import { describe, expect, test } from "vitest";
import { aCreation, aResume, hold, newDigest, newId } from "./fake-host.ts";
import { type Process, clusterOf, startProcess } from "./processes.ts";
import { startRedis, until } from "./redis-server.ts";
import { useStandaloneAndCluster } from "./shared-servers.ts";

const servers = useStandaloneAndCluster();

const connectStandalone = (): Redis => new Redis(servers.standalone?.port ?? 0);
const NEVER = Number.POSITIVE_INFINITY;

const hashOf = (subject: string): string =>
  createHash("sha256").update(subject).digest("base64url").slice(0, 12);
const indexOf = (subject: string): string => `ws:u:{${hashOf(subject)}}`;
const sharedIndexOf = (subject: string): string => `ws:u:{${hashOf(subject).slice(0, 2)}}`;

/** A session that release 0.1 has written: listed in the shared index, and without the fields `u` and `e`. */
async function aSessionOf01(
  { store, client }: Process,
  subject: string,
): Promise<{ id: string; digest: string }> {
  const [id, digest] = [newId(), newDigest()];
  await store.create(aCreation({ id, digest, subject }));
  await client.hdel(`ws:s:{${id}}`, "u", "e");
  await client.zrem(indexOf(subject), id);
  await client.zadd(sharedIndexOf(subject), 0, hashOf(subject).slice(2) + id);
  return { id, digest };
}

describe.each([
  { kind: "standalone", connect: connectStandalone },
  { kind: "cluster", connect: () => clusterOf(servers.cluster?.nodes ?? [])() },
])("on $kind", ({ connect }) => {
  test("fault B12: the sessions of one subject do not keep another subject's index, and an index ends with its last session", async () => {
    const { store, client } = startProcess(connect);
    const [subject, other] = [newId(), newId()];
    const endless = aCreation({ subject, idleMs: NEVER, absoluteMs: NEVER });
    await store.create(endless);
    await store.create(aCreation({ subject: other }));
    expect(await client.pttl(indexOf(subject))).toBe(-1);
    expect(await client.pttl(indexOf(other))).toBeGreaterThan(0);
    // A session with a shorter life changes nothing. After the endless session is destroyed, the index expires soon.
    await store.create(aCreation({ subject, idleMs: 1_000 }));
    expect(await client.pttl(indexOf(subject))).toBe(-1);
    await store.destroy(endless.id, undefined, false);
    await until(async () => (await client.pttl(indexOf(subject))) > 0);
    expect(await client.pttl(indexOf(subject))).toBeLessThan(200_000);
    await store.destroySubject(subject, undefined);
    await until(async () => (await client.pttl(indexOf(subject))) <= 90_000);
  });

  test("fault B12: bySubject removes a session without deadlines that was lost from the index", async () => {
    const { store, client } = startProcess(connect);
    const subject = newId();
    const endless = aCreation({ subject, idleMs: NEVER, absoluteMs: NEVER });
    await store.create(endless);
    await client.del(`ws:s:{${endless.id}}`);
    expect(await store.bySubject(subject)).toEqual([]);
    // The session may be about to be created, because it was listed just now.
    expect(await client.pttl(indexOf(subject))).toBe(-1);
    await client.zincrby(indexOf(subject), -3_600_000, endless.id);
    expect(await store.bySubject(subject)).toEqual([]);
    await until(async () => (await client.pttl(indexOf(subject))) > 0);
  });

  test("fault B12: each login removes some dead entries, and no others", async () => {
    const { store, client } = startProcess(connect);
    const subject = newId();
    const live = aCreation({ subject });
    await store.create(live);
    const dead = Array.from({ length: 150 }, (_, index) => [1_000 + index, `dead-${index}`]).flat();
    await client.zadd(indexOf(subject), ...dead);
    await store.create(aCreation({ subject }));
    expect(await client.zcard(indexOf(subject))).toBe(2 + 150 - 64);
    for (let login = 0; login < 2; login += 1) await store.create(aCreation({ subject }));
    expect(await client.zcard(indexOf(subject))).toBe(4);
    expect(await store.bySubject(subject)).toContain(live.id);
  });

  test("fault B12: a session without an absolute deadline is listed as long as touches and resumes keep it alive", async () => {
    const { store, client } = startProcess(connect);
    const subject = newId();
    const [id, digest] = [newId(), newDigest()];
    const idleMs = 3_600_000;
    await store.create(aCreation({ id, digest, subject, idleMs: 60_000, absoluteMs: NEVER }));
    const listedUntil = async (): Promise<number> => Number(await client.zscore(indexOf(subject), id));
    const before = await listedUntil();
    expect(await store.touch(id, idleMs)).toBe(true);
    expect(await listedUntil()).toBeGreaterThan(before + idleMs);
    expect(await client.pttl(indexOf(subject))).toBeGreaterThan(idleMs);
    // A resume with a longer idle time does not outlive the listing, and the touch that follows it lists for longer.
    expect((await store.resume(aResume(id, { digest, idleMs: 8 * idleMs }))).type).toBe("resumed");
    await until(async () => ((await store.load(id))?.idleInMs ?? 0) > 7 * idleMs);
    expect(await listedUntil()).toBeGreaterThan(Date.now() + 7 * idleMs);
    expect(await store.bySubject(subject)).toEqual([id]);
  });

  test("fault B12: a subject's sessions are read in pages, each once, even if many have the same score", async () => {
    const { store, client, commands } = startProcess(connect);
    const subject = newId();
    const live = aCreation({ subject });
    await store.create(live);
    const score = Number(await client.zscore(indexOf(subject), live.id));
    const entries = Array.from({ length: 3_000 }, (_, index) => [
      // 700 at one score, which is more than a page; the others two by two.
      index < 700 ? score + 50 : score + 1_000 + Math.floor(index / 2),
      `absent-${index}`,
    ]);
    for (let first = 0; first < entries.length; first += 500)
      await client.zadd(indexOf(subject), ...entries.slice(first, first + 500).flat());
    const asked: string[] = [];
    const largest = { page: 0 };
    const sent = commands.sendCommand.bind(commands);
    commands.sendCommand = (command: Command, ...rest: []) => {
      if (command.name === "hmget") asked.push(String(command.args[0]));
      const answer = sent(command, ...rest);
      if (command.name === "zrangebyscore")
        void command.promise.then((reply: unknown) => {
          if (Array.isArray(reply)) largest.page = Math.max(largest.page, reply.length / 2);
        });
      return answer;
    };
    expect(await store.bySubject(subject)).toEqual([live.id]);
    expect(new Set(asked).size).toBe(3_001);
    expect(asked).toHaveLength(3_001);
    expect(largest.page).toBeLessThanOrEqual(701);
    expect((await store.destroySubject(subject, undefined)).destroyed).toEqual([live.id]);
    await until(async () => (await client.pttl(indexOf(subject))) <= 90_000);
  });

  test("fault B9: sessions in a shared index, as release 0.1 lists them, are found, destroyed, and moved to the new index at their resume", async () => {
    const process = startProcess(connect);
    const { store, client } = process;
    const subject = newId();
    const [resumed, touched, left] = [
      await aSessionOf01(process, subject),
      await aSessionOf01(process, subject),
      await aSessionOf01(process, subject),
    ];
    const ids = [resumed.id, touched.id, left.id];
    expect((await store.bySubject(subject)).toSorted()).toEqual(ids.toSorted());
    expect((await store.resume(aResume(resumed.id, { digest: resumed.digest }))).type).toBe("resumed");
    expect(await store.touch(touched.id, 60_000)).toBe(true);
    await until(async () => (await client.zcard(indexOf(subject))) === 2);
    expect((await store.bySubject(subject)).toSorted()).toEqual(ids.toSorted());
    expect((await store.destroySubject(subject, undefined)).destroyed.toSorted()).toEqual(ids.toSorted());
    expect(await store.bySubject(subject)).toEqual([]);
    await until(async () => (await client.exists(sharedIndexOf(subject))) === 0);
  });

  test("fault B9: a login of release 0.1 that is in progress is refused by destroySubject", async () => {
    const { store, client } = startProcess(connect);
    const subject = newId();
    const hash = hashOf(subject);
    await client.set(`ws:g:{${hash.slice(0, 2)}}${hash.slice(2)}`, 4);
    const id = newId();
    await client.zadd(sharedIndexOf(subject), 0, hash.slice(2) + id);
    await store.destroySubject(subject, undefined);
    // Its second step finds an epoch that is higher than the epoch that it read.
    expect(Number(await client.hget(`ws:s:{${id}}`, "t"))).toBeGreaterThan(4);
    // A login that began after the destruction has an epoch that is not lower than any of these.
    expect(Number(await client.get(`ws:g:{${hash.slice(0, 2)}}${hash.slice(2)}`))).toBeGreaterThanOrEqual(
      Number(await client.hget(`ws:s:{${id}}`, "t")),
    );
  });

  test("fault A5: if the index was lost, destroySubject ends the sessions that any process holds, and no session that came later", async () => {
    const [a, b] = [startProcess(connect), startProcess(connect)];
    const subject = newId();
    const [here, there, other] = [
      aCreation({ subject }),
      aCreation({ subject }),
      aCreation({ subject: newId() }),
    ];
    for (const creation of [here, there, other]) await a.store.create(creation);
    await hold(a.store, a.host, here.id);
    for (const { id } of [there, other]) await hold(b.store, b.host, id);
    await until(async () => (await a.client.zcard(indexOf(subject))) === 2);
    await a.client.del(indexOf(subject));
    const { destroyed } = await a.store.destroySubject(subject, "locked");
    expect(destroyed).toEqual([here.id]);
    await until(() => b.host.held(there.id) === undefined);
    expect(b.host.eventsOf(there.id)).toContainEqual({ type: "destroyed", id: there.id, reason: "locked" });
    expect(b.host.held(other.id)).toBeDefined();
    for (const { id } of [here, there]) expect(await b.store.load(id)).toBeUndefined();
    // A late announcement must not end a session that logged in after the destruction.
    const later = aCreation({ subject });
    await b.store.create(later);
    await hold(b.store, b.host, later.id);
    const epoch = Number(await a.client.get(`ws:g:{${hashOf(subject)}}`));
    await a.client.publish("ws:k:all", JSON.stringify(["s", "elsewhere", subject, epoch, null]));
    const last = aCreation({ subject: newId() });
    await a.store.create(last);
    await hold(b.store, b.host, last.id);
    await a.store.destroy(last.id, undefined, true);
    await until(() => b.host.held(last.id) === undefined);
    expect(await b.store.load(later.id)).toBeDefined();
  });

  test("fault A5: a session that the index had lost gets an entry again at its next resume", async () => {
    const { store, client } = startProcess(connect);
    const subject = newId();
    const [id, digest] = [newId(), newDigest()];
    await store.create(aCreation({ id, digest, subject }));
    await client.del(indexOf(subject));
    expect(await store.bySubject(subject)).toEqual([]);
    expect((await store.resume(aResume(id, { digest }))).type).toBe("resumed");
    await until(async () => (await store.bySubject(subject)).includes(id));
    expect(await client.pttl(indexOf(subject))).toBeGreaterThan(60_000);
    expect((await store.destroySubject(subject, undefined)).destroyed).toEqual([id]);
  });

  test("fault A5: a session that destroySubject missed because the index had lost it ends at its next resume", async () => {
    const [a, b] = [startProcess(connect), startProcess(connect)];
    const subject = newId();
    const [id, digest] = [newId(), newDigest()];
    await a.store.create(aCreation({ id, digest, subject }));
    await a.client.del(indexOf(subject));
    expect((await a.store.destroySubject(subject, undefined)).destroyed).toEqual([]);
    await hold(b.store, b.host, id, { digest });
    await until(() => b.host.held(id) === undefined);
    expect(await b.store.load(id)).toBeUndefined();
    expect(await b.store.resume(aResume(id, { digest }))).toEqual({ type: "missing" });
  });
});

describe("at maxmemory, with noeviction", () => {
  test("fault A4: destroy, destroySubject, touch and release work, and calls that need memory are refused", async () => {
    const server = await startRedis();
    try {
      const process = startProcess(server);
      const { store, client, host } = process;
      const subject = newId();
      const mine = [aCreation({ subject }), aCreation({ subject }), aCreation({ subject })];
      const [single, endless] = [
        aCreation({ subject: newId() }),
        aCreation({ subject, idleMs: 1_000, absoluteMs: NEVER }),
      ];
      for (const creation of [...mine, single, endless]) await store.create(creation);
      await hold(store, host, mine[0]?.id ?? "");
      await hold(store, host, single.id);
      // A listed session of another subject: a login of the subject may be in progress.
      const others = aCreation({ subject: newId() });
      await store.create(others);
      await client.zadd(indexOf(subject), Date.now() + 1_000_000, others.id);
      const absent = newId();
      await client.zadd(indexOf(subject), Date.now() + 1_000_000, absent);
      await client.config("SET", "maxmemory-policy", "noeviction");
      await client.config("SET", "maxmemory", "1mb");
      await expect(client.set("x", "y")).rejects.toThrow(/OOM/);
      const refused = { code: "STORE_UNAVAILABLE", outcome: "not-applied" };
      await expect(store.create(aCreation())).rejects.toMatchObject(refused);
      await expect(store.create(aCreation({ subject }))).rejects.toMatchObject(refused);
      for (const { id } of mine) expect(await store.touch(id, 3_600_000)).toBe(true);
      expect(await store.touch(endless.id, 3_600_000)).toBe(true);
      await store.release(single.id);
      host.sessions.delete(single.id);
      expect((await store.presence(single.id)).nodes).toEqual([]);
      expect((await store.destroy(single.id, undefined, true)).destroyed).toEqual([single.id]);
      const report = await store.destroySubject(subject, "locked");
      expect(report.destroyed.toSorted()).toEqual([...mine, endless].map(({ id }) => id).toSorted());
      expect(host.held(mine[0]?.id ?? "")).toBeUndefined();
      expect(await store.load(others.id)).toBeDefined();
      expect(await client.hexists(`ws:s:{${others.id}}`, `x${hashOf(subject)}`)).toBe(1);
      expect(await store.bySubject(subject)).toEqual([]);
      // The creation in progress is refused.
      await client.config("SET", "maxmemory", "0");
      expect(await store.create(aCreation({ id: absent, subject, decidedAt: undefined }))).toEqual({
        type: "revoked",
      });
      expect(host.errors).toEqual([]);
    } finally {
      await server.stop();
    }
  });
});
