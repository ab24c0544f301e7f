import { expect, test } from "vitest";
import { withFullMemory } from "../../../tests/faults/full-memory.ts";
import { aCreation, aResume, aWrite, newDigest } from "./fake-host.ts";
import { aMessage, anAppend, appended, BEGINNING, endOf, readFrom, textsOf } from "./fake-reader.ts";
import { connected, startProcess } from "./processes.ts";
import { hashOf, listOf, newSession } from "./kept-sessions.ts";
import { useLoadedScripts } from "./lost-replies.ts";
import { until } from "./redis-server.ts";

const redis = useLoadedScripts();
const { server, behindProxy } = redis;

const offsetOf = async (id: string): Promise<number> =>
  Number((await redis.client.hget(hashOf(id), "o"))?.split(" ")[1] ?? 0);

test("I10, I17 an append whose reply was lost and that is repeated is applied once, and returns the result of the first", async () => {
  const { proxy, process, onlooker } = await behindProxy();
  const id = await newSession(process);
  await appended(onlooker, id, ["before"]);
  proxy.replies("drop");
  const appending = appended(process, id, ["a", "b"]);
  await until(async () => (await offsetOf(id)) === 3);
  // Other appends came since. The repeat must answer for its own messages.
  await appended(onlooker, id, ["after"]);
  proxy.replies("pass");
  proxy.cut();
  const answer = await appending;
  expect(answer.offset).toBe(2);
  const read = await readFrom(onlooker, id, BEGINNING);
  expect(textsOf(read)).toEqual(["before", "a", "b", "after"]);
  expect(read.entries.slice(1, 3).map(({ chain }) => chain)).toEqual(answer.chains);
  expect(read.entries[0]?.chain).toBe(answer.before);
});

test("I10 appends whose replies are cut in the middle are applied once, in order", async () => {
  const { proxy, process, onlooker } = await behindProxy();
  const id = await newSession(process);
  for (let n = 1; n <= 6; n += 1) {
    proxy.cutAfter(n % 4);
    expect((await appended(process, id, [String(n)])).offset).toBe(n);
  }
  expect(textsOf(await readFrom(onlooker, id, BEGINNING))).toEqual(["1", "2", "3", "4", "5", "6"]);
});

test("I11 outcome() finds the outcome of an append without a reply, and an append that it reports as not applied never is", async () => {
  const { proxy, process, onlooker } = await behindProxy(500);
  const id = await newSession(process);
  proxy.replies("drop");
  const lost = await process.store.append(anAppend(id, ["applied"])).catch((error: unknown) => error);
  expect(lost).toMatchObject({ code: "STORE_UNAVAILABLE", outcome: "unknown" });
  expect(await offsetOf(id)).toBe(1);
  proxy.replies("pass");
  proxy.cut();
  await connected(process);
  expect(await process.store.outcome(lost)).toBe("applied");

  proxy.delayRequests(2_000);
  const late = await process.store.append(anAppend(id, ["late"])).catch((error: unknown) => error);
  expect(late).toMatchObject({ code: "STORE_UNAVAILABLE", outcome: "unknown" });
  proxy.delayRequests(0);
  proxy.cut();
  await connected(process);
  expect(await process.store.outcome(late)).toBe("not-applied");
  await until(() => proxy.pending === 0);
  await appended(process, id, ["next"]);
  expect(textsOf(await readFrom(onlooker, id, BEGINNING))).toEqual(["applied", "next"]);
});

test("before an append the outcome of a write whose reply was lost is decided, and a later write follows the append as it follows a write (I10)", async () => {
  const { proxy, process } = await behindProxy(500);
  const id = await newSession(process);
  proxy.replies("drop");
  const write = await process.store.write(aWrite(id, { n: 1 })).catch((error: unknown) => error);
  proxy.replies("pass");
  proxy.cut();
  await connected(process);
  await appended(process, id, ["a"]);
  expect(await process.store.outcome(write)).toBe("applied");
  expect(await process.store.write(aWrite(id, { n: 2 }, { expect: 2, known: 2 }))).toMatchObject({
    type: "written",
    version: 3,
  });
});

test("I19 a list that was lost or replaced is reported as missed, and no offset is assigned twice", async () => {
  const process = startProcess(server);
  const id = await newSession(process);
  const one = await appended(process, id, ["1", "2", "3"]);
  for (const lose of [
    () => redis.client.del(listOf(id)),
    () => redis.client.rpush(listOf(id), "one too many"),
    () => redis.client.lpop(listOf(id)),
  ]) {
    const { end } = await readFrom(process, id, BEGINNING);
    await lose();
    const read = await readFrom(process, id, { offset: 1, chain: one.chains[0] ?? 0 });
    expect(read).toMatchObject({
      missed: { from: 2, to: end.offset, certain: false },
      start: end,
      entries: [],
      end,
    });
    const next = await appended(process, id, ["next", "and next"]);
    expect(next).toMatchObject({ offset: end.offset + 1, before: end.chain });
    expect(textsOf(await readFrom(process, id, end))).toEqual(["next", "and next"]);
    expect(await redis.client.llen(listOf(id))).toBe(2);
  }
});

test("I18 destroy unlinks the list; a list that outlives its session does not belong to a new session with the same id", async () => {
  const process = startProcess(server);
  const gone = await newSession(process);
  await appended(process, gone, ["secret"]);
  await process.store.destroy(gone, undefined, false);
  expect(await process.store.read({ id: gone, from: BEGINNING, witness: undefined, maxBytes: 9 })).toEqual({
    type: "missing",
  });
  await until(async () => (await redis.client.exists(listOf(gone))) === 0);

  const id = await newSession(process);
  const old = await appended(process, id, ["secret", "and more"]);
  // The state of an expired session: Redis has removed the hash, and removes the list later.
  await redis.client.del(hashOf(id));
  await process.store.create(aCreation({ id }));
  expect(await redis.client.llen(listOf(id))).toBe(2);
  expect(await readFrom(process, id, BEGINNING)).toMatchObject({
    missed: undefined,
    entries: [],
    end: BEGINNING,
  });
  expect(await readFrom(process, id, endOf(old))).toMatchObject({ missed: { from: 1, to: 0 }, entries: [] });
  await appended(process, id, ["new"]);
  expect(textsOf(await readFrom(process, id, BEGINNING))).toEqual(["new"]);
  expect(await redis.client.llen(listOf(id))).toBe(1);
});

test("after a change of subject the outbox has no message, key or reader of the former subject", async () => {
  const process = startProcess(server);
  const id = await newSession(process, { subject: "ada" });
  await appended(process, id, [aMessage("for ada", { key: "k" })]);
  const reader = { name: "A".repeat(16), maxAgeMs: 60_000 };
  await readFrom(process, id, BEGINNING, { reader });
  const rotation = { digest: newDigest(), renewalDigest: newDigest(), renewalMs: 1_000, graceMs: 0 };
  const known = { fence: undefined, known: 1 };
  expect(await process.store.rotate({ id, ...rotation, ...known, subject: "bob" })).toMatchObject({
    type: "rotated",
  });
  const fields = await redis.client.hkeys(hashOf(id));
  expect(fields.filter((name) => /^[ak]/.test(name))).toEqual([]);
  await appended(process, id, [aMessage("for bob", { key: "k" })]);
  expect(await redis.client.lrange(listOf(id), 0, -1)).toEqual([expect.stringMatching(/tfor bob$/)]);
});

test("at maxmemory an append is refused at its first write, and nothing is applied partly (I11, I20)", async () => {
  const process = startProcess(server);
  const id = await newSession(process);
  const keyed = (text: string) => aMessage(text, { key: "k" });
  const one = await appended(process, id, [keyed("1"), "2"]);
  const state = async (): Promise<unknown> => [
    await redis.client.hgetall(hashOf(id)),
    await redis.client.lrange(listOf(id), 0, -1),
  ];
  const before = await state();
  await withFullMemory(server.port, async () => {
    for (const bounds of [{}, { maxMessages: 1 }, { maxMessages: 9, whenFull: "refuse" as const }]) {
      await expect(process.store.append(anAppend(id, [keyed("3")], bounds))).rejects.toMatchObject({
        code: "STORE_UNAVAILABLE",
        outcome: "not-applied",
      });
    }
    expect(await state()).toEqual(before);
    // A client that comes back is served, and noted as a reader.
    const reader = { name: "A".repeat(16), maxAgeMs: 60_000 };
    expect(textsOf(await readFrom(process, id, BEGINNING, { reader }))).toEqual(["1", "2"]);
  });
  expect(await appended(process, id, [keyed("3")])).toMatchObject({ offset: 3, before: endOf(one).chain });
  expect(textsOf(await readFrom(process, id, BEGINNING))).toEqual([undefined, "2", "3"]);
});

test("a resume without a touch keeps a subject's session in the index, and its deadline unchanged", async () => {
  const process = startProcess(server);
  const id = await newSession(process, { subject: "ada", digest: undefined, idleMs: 10_000 });
  const index = await redis.client.keys("ws:u:*");
  for (const key of index) await redis.client.del(key);
  const before = (await process.store.load(id))?.idleInMs ?? 0;
  await process.store.resume(aResume(id, { idleMs: 10_000, touch: false }));
  await until(async () => (await process.store.bySubject("ada")).includes(id));
  expect((await process.store.load(id))?.idleInMs).toBeLessThanOrEqual(before);
});
