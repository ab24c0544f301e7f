import { Redis } from "ioredis";
import { afterAll, beforeAll, expect, test } from "vitest";
import { aResume, aWrite, hold } from "./fake-host.ts";
import { aMessage, anAppend, appended, BEGINNING, endOf, readFrom, textsOf } from "./fake-reader.ts";
import { startProcess } from "./processes.ts";
import { hashOf, listOf, newSession } from "./kept-sessions.ts";
import { type RedisServer, startRedis, until } from "./redis-server.ts";

let server: RedisServer;
let client: Redis;

beforeAll(async () => {
  server = await startRedis();
  client = new Redis(server.port);
});

afterAll(async () => {
  client.disconnect();
  await server.stop();
});

const bytesOf = async (key: string): Promise<number> =>
  Number(await client.memory("USAGE", key, "SAMPLES", 0));

test("ten kept messages of 100 bytes take 512 bytes at most beyond their text (outboxBytes)", async () => {
  const process = startProcess(server);
  const id = await newSession(process);
  // The record of this process's writes is there with the first change of any kind.
  await process.store.write(aWrite(id, { visits: 1 }));
  const before = await bytesOf(hashOf(id));
  for (let n = 0; n < 10; n += 1) await appended(process, id, ["x".repeat(100)]);
  const more = (await bytesOf(listOf(id))) + (await bytesOf(hashOf(id))) - before - 1_000;
  expect(more).toBeGreaterThan(0);
  expect(more).toBeLessThanOrEqual(512);
});

test("a session without kept messages uses no byte and no command for an outbox", async () => {
  const process = startProcess(server);
  await client.config("RESETSTAT");
  const id = await newSession(process, { hold: true });
  process.host.adopt(id, (await process.store.load(id)) ?? expect.fail());
  await process.store.write(aWrite(id, { visits: 1 }));
  await process.store.resume(aResume(id));
  expect(Object.keys(await client.hgetall(hashOf(id))).filter((name) => /^[oka]/.test(name))).toEqual([]);
  await process.store.destroy(id, undefined, false);
  expect(Object.keys(await client.hgetall(hashOf(id)))).not.toContain("o");
  // When this load is answered, the server has run all commands that were sent before.
  await process.store.load(id);
  const stats = await client.info("commandstats");
  for (const name of ["unlink", "llen", "lrange", "rpush"]) expect(stats).not.toContain(`cmdstat_${name}:`);
});

test("ten messages of one tick are one command, so a message needs at most 0.15 commands (sendCommands)", async () => {
  const process = startProcess(server);
  const id = await newSession(process);
  await appended(process, id, ["the server has the script from here on"]);
  await client.config("RESETSTAT");
  for (let tick = 0; tick < 10; tick += 1)
    await appended(
      process,
      id,
      Array.from({ length: 10 }, (_, n) => `${tick}:${n}`),
    );
  const stats = await client.info("commandstats");
  const calls = Number(/cmdstat_evalsha:calls=(\d+)/.exec(stats)?.[1]);
  expect(calls / 100).toBeGreaterThan(0);
  expect(calls / 100).toBeLessThanOrEqual(0.15);
});

test("I20 thousands of messages with keys in one append are kept completely, and read in pages", async () => {
  const process = startProcess(server, { timeoutMs: 5_000 });
  const id = await newSession(process);
  const count = 5_000;
  const messages = Array.from({ length: count }, (_, n) => aMessage(String(n), { key: `k${n}` }));
  await appended(process, id, messages, { maxMessages: count });
  let from = BEGINNING;
  const texts: (string | undefined)[] = [];
  for (let pages = 0; from.offset < count; pages += 1) {
    const page = await readFrom(process, id, from, { maxBytes: 4_000 });
    expect(page).toMatchObject({ missed: undefined, start: from });
    texts.push(...textsOf(page));
    from = { offset: from.offset + page.entries.length, chain: page.entries.at(-1)?.chain ?? expect.fail() };
    expect(pages).toBeLessThan(10);
  }
  expect(texts).toEqual(messages.map(({ data }) => data));
  expect((await client.hkeys(hashOf(id))).filter((name) => name.startsWith("k"))).toHaveLength(32);
});

test("of more than 32 keys the least recently used are dropped, and messages of the others are replaced", async () => {
  const process = startProcess(server);
  const id = await newSession(process);
  for (let n = 0; n < 40; n += 1) await appended(process, id, [aMessage(`old ${n}`, { key: `k${n}` })]);
  await appended(process, id, [aMessage("new 7", { key: "k7" }), aMessage("new 8", { key: "k8" })]);
  const texts = textsOf(await readFrom(process, id, BEGINNING));
  expect([texts[7], texts[8], texts.at(-2), texts.at(-1)]).toEqual(["old 7", undefined, "new 7", "new 8"]);
  expect((await client.hkeys(hashOf(id))).filter((name) => name.startsWith("k"))).toHaveLength(32);
});

test("I20 a message as large as the outbox drops all others, as text and as bytes, and is read unchanged", async () => {
  const process = startProcess(server, { timeoutMs: 5_000 });
  const id = await newSession(process);
  const large = Uint8Array.from({ length: 256 * 1024 }, (_, n) => n % 251);
  await appended(process, id, ["a", "b"]);
  await appended(process, id, [aMessage(large)]);
  const { missed, entries } = await readFrom(process, id, BEGINNING);
  expect(missed).toEqual({ from: 1, to: 2, certain: false });
  expect(entries[0]?.data).toEqual(large);
  await appended(process, id, ["c"]);
  expect(textsOf(await readFrom(process, id, BEGINNING))).toEqual(["c"]);
  expect(Number((await client.hget(hashOf(id), "o"))?.split(" ")[3])).toBe(1);
});

test("texts with control characters, a byte order mark and quotes are unchanged when read and when announced", async () => {
  const [process, holder] = [startProcess(server), startProcess(server)];
  const id = await newSession(process);
  await hold(holder.store, holder.host, id);
  const texts = ["\uFEFFmark", "\u0000\u001F\u007F", '"\\/', "é🙂", "", "\u2028"];
  await appended(process, id, texts);
  expect(textsOf(await readFrom(process, id, BEGINNING))).toEqual(texts);
  await until(() => holder.host.eventsOf(id).length > 0);
  const [event] = holder.host.eventsOf(id);
  expect(event?.type === "appended" && event.run?.entries.map(({ data }) => data)).toEqual(texts);
});

test("the list expires maxAgeMs after the last append; with an infinite maxAgeMs it ends with the session, or after 30 days", async () => {
  const process = startProcess(server);
  const days = 24 * 3_600_000;
  const lasting = await newSession(process, { absoluteMs: Infinity });
  const brief = await newSession(process, { absoluteMs: 600_000 });
  await appended(process, lasting, ["a"], { maxAgeMs: 50_000 });
  expect(Math.abs((await client.pttl(listOf(lasting))) - 50_000)).toBeLessThan(10_000);
  await appended(process, lasting, ["b"], { maxAgeMs: Infinity });
  expect(Math.abs((await client.pttl(listOf(lasting))) - 30 * days)).toBeLessThan(10_000);
  await appended(process, lasting, [aMessage("c", { ttlMs: 1_000 })], { maxAgeMs: 50_000 });
  expect(Math.abs((await client.pttl(listOf(lasting))) - 100_000)).toBeLessThan(10_000);
  await appended(process, brief, ["a"], { maxAgeMs: Infinity });
  expect(Math.abs((await client.pttl(listOf(brief))) - 600_000)).toBeLessThan(10_000);
});

test("I16 I20 a list stays for maxAgeMs after each append, also a list that Redis created again, and its expiry is never moved without need", async () => {
  const process = startProcess(server);
  const id = await newSession(process);
  const maxAgeMs = 100_000;
  const leftAfter = async (text: string, maxBytes = 1_000) => {
    await appended(process, id, [text], { maxAgeMs, maxBytes });
    return client.pttl(listOf(id));
  };
  const first = await leftAfter("a");
  expect(first).toBeGreaterThan(maxAgeMs);
  // A moved expiry would be `first` again.
  await client.pexpire(listOf(id), first - 1_000);
  expect(await leftAfter("b")).toBeLessThanOrEqual(first - 1_000);
  // As if six seconds had passed.
  const [, ...rest] = /^(.*) (\d+)$/.exec((await client.hget(hashOf(id), "o")) ?? "") ?? [];
  await client.hset(hashOf(id), "o", `${rest[0]} ${Number(rest[1]) - 6}`);
  await client.pexpire(listOf(id), first - 6_000);
  expect(await leftAfter("c")).toBeGreaterThan(maxAgeMs);
  // A message that does not fit empties the list, and Redis deletes an empty list.
  expect(await leftAfter("too long", 7)).toBe(-2);
  expect(await leftAfter("d")).toBeGreaterThan(maxAgeMs);
  await client.del(listOf(id));
  expect(await leftAfter("e")).toBeGreaterThan(maxAgeMs);
});

test("I16 a shorter maxAgeMs also drops earlier messages, and the reader gets the missed offsets", async () => {
  const process = startProcess(server);
  const id = await newSession(process);
  const one = await appended(process, id, ["long"], { maxAgeMs: 60_000 });
  const two = await appended(process, id, ["short"], { maxAgeMs: 1 });
  await appended(process, id, ["long again"], { maxAgeMs: 60_000 });
  await until(async () => (await readFrom(process, id, BEGINNING)).missed !== undefined);
  const read = await readFrom(process, id, BEGINNING);
  expect(read).toMatchObject({ missed: { from: 1, to: 2, certain: false }, start: endOf(two) });
  expect(textsOf(read)).toEqual(["long again"]);
  expect((await readFrom(process, id, endOf(one))).missed).toEqual({ from: 2, to: 2, certain: false });
});

test("I19 a position that is negative or not a number leads to a reset or missed, and never to an error", async () => {
  const process = startProcess(server);
  const id = await newSession(process);
  await appended(process, id, ["a"]);
  for (const offset of [1.5, Number.NaN, Infinity, -1, 2 ** 60]) {
    const read = await readFrom(process, id, { offset, chain: 1.5 }, { witness: { offset, chain: -7 } });
    expect(read).toMatchObject({ missed: { from: 1, to: 0, certain: false }, start: BEGINNING });
    expect(textsOf(read)).toEqual(["a"]);
  }
});

test("I20 a reader whose position was reset does not count as having the later messages", async () => {
  const process = startProcess(server);
  const id = await newSession(process);
  const bounds = { maxMessages: 2, whenFull: "refuse" } as const;
  const reader = { name: "A".repeat(16), maxAgeMs: 60_000 };
  await readFrom(process, id, { offset: 1_000, chain: 5 }, { reader });
  await appended(process, id, ["1", "2"], bounds);
  expect(await process.store.append(anAppend(id, ["3"], bounds))).toEqual({ type: "full" });
});

test("of nine readers, the outbox does not wait for the reader whose last read is oldest", async () => {
  const process = startProcess(server);
  const id = await newSession(process);
  for (let n = 0; n < 9; n += 1) {
    const reader = { name: String(n).padStart(16, "A"), maxAgeMs: 60_000 + n };
    await readFrom(process, id, BEGINNING, { reader });
  }
  const names = (await client.hkeys(hashOf(id))).filter((name) => name.startsWith("a")).toSorted();
  expect(names.map((name) => name.at(-1)).join("")).toBe("12345678");
});

test("the record of a process that only sends expires a minute after its call's deadline", async () => {
  const [first, second] = [startProcess(server), startProcess(server)];
  const id = await newSession(first);
  await appended(first, id, ["a"]);
  await appended(second, id, ["b"]);
  const writers = async (): Promise<string[]> =>
    (await client.hkeys(hashOf(id))).filter((name) => name.startsWith("w"));
  expect(await writers()).toHaveLength(2);
  // The records as they are two minutes later. The third word of a record is the not-after time.
  for (const name of await writers()) {
    const [sequence, version, notAfter, ...rest] = (await client.hget(hashOf(id), name))?.split(" ") ?? [];
    const then = String(Number(notAfter) - 120_000);
    await client.hset(hashOf(id), name, [sequence, version, then, ...rest].join(" "));
  }
  await appended(second, id, ["c"]);
  expect(await writers()).toHaveLength(1);
});
