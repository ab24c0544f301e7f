import type { Command, Redis } from "ioredis";
import { expect, test } from "vitest";
import { withFullMemory } from "../../../tests/faults/full-memory.ts";
import { aCommit, CLIENT, committed, recordOf } from "./fake-client.ts";
import { aWrite } from "./fake-host.ts";
import { aMessage, appended, BEGINNING, readFrom, textsOf } from "./fake-reader.ts";
import { hashOf, listOf, newSession } from "./kept-sessions.ts";
import { useLoadedScripts } from "./lost-replies.ts";
import { connected, startProcess } from "./processes.ts";
import { cli, until } from "./redis-server.ts";

const redis = useLoadedScripts();
const { server, behindProxy } = redis;

const stateOf = async (id: string): Promise<unknown> => [
  await redis.client.hgetall(hashOf(id)),
  await redis.client.lrange(listOf(id), 0, -1),
];

const settledOf = async (id: string): Promise<number> =>
  Number((await redis.client.hget(hashOf(id), `c${CLIENT}`))?.split(" ")[0] ?? 0);

test("I10, I21 a commit whose reply was lost and that is repeated is applied once, and returns the result of the first", async () => {
  const { proxy, process, onlooker } = await behindProxy();
  const id = await newSession(process, { data: { n: 0 } });
  await appended(onlooker, id, ["before"]);
  const { lineage } = (await onlooker.store.load(id)) ?? expect.fail("not there");
  proxy.replies("drop");
  const numbers = { number: 3, first: 1, refused: [2] };
  const held = { known: 1, lineage };
  const committing = committed(process, id, numbers, { set: { n: 1 }, messages: ["a", "b"], ...held });
  await until(async () => (await settledOf(id)) === 3);
  // Other commits came since, also of the same client. The repeat must answer for its own numbers and messages.
  const more = { number: 6, first: 4, refused: [5] };
  await committed(onlooker, id, more, { set: { m: 1 }, messages: ["after"], known: 2 });
  proxy.replies("pass");
  proxy.cut();
  const answer = await committing;
  expect(answer.record).toEqual({ settled: 3, refused: [2], floor: 1 });
  expect(answer.appended).toMatchObject({ offset: 2 });
  // Another change came after the lost one, so the answer has the whole session.
  expect(answer.written).toMatchObject({ version: 2, session: { version: 3, data: { n: 1, m: 1 } } });
  const { entries } = await readFrom(onlooker, id, BEGINNING);
  expect(textsOf({ entries })).toEqual(["before", "a", "b", "after"]);
  expect(entries.slice(1, 3).map(({ chain }) => chain)).toEqual(answer.appended?.chains);
  expect(await recordOf(onlooker, id)).toEqual({ settled: 6, refused: [2, 5], floor: 1 });
});

test("I10 a repeated commit of a client whose record was dropped meanwhile returns the numbers that the first commit settled", async () => {
  const { proxy, process, onlooker } = await behindProxy();
  const id = await newSession(process);
  proxy.replies("drop");
  const committing = committed(process, id, { number: 3, first: 1, refused: [1] });
  await until(async () => (await settledOf(id)) === 3);
  await redis.client.hdel(hashOf(id), `c${CLIENT}`);
  proxy.replies("pass");
  proxy.cut();
  expect((await committing).record).toEqual({ settled: 3, refused: [1], floor: 1 });
  expect(await recordOf(onlooker, id)).toBeUndefined();
});

test("I10 commits whose replies are cut in the middle are applied once, in order", async () => {
  const { proxy, process } = await behindProxy();
  const id = await newSession(process, { data: { n: 0 } });
  for (let number = 1; number <= 6; number += 1) {
    proxy.cutAfter(number % 4);
    await committed(process, id, { number }, { set: { n: number }, messages: [String(number)] });
  }
  const onlooker = startProcess(server);
  expect(textsOf(await readFrom(onlooker, id, BEGINNING))).toEqual(["1", "2", "3", "4", "5", "6"]);
  expect(await onlooker.store.load(id)).toMatchObject({ version: 7, data: { n: 6 } });
});

test("I11, I21 outcome() finds the outcome of a commit without a reply, and a commit that it reports as not applied never is", async () => {
  const { proxy, process, onlooker } = await behindProxy(500);
  const id = await newSession(process, { data: { n: 0 } });
  proxy.replies("drop");
  const first = aCommit(id, { number: 1 }, { set: { n: 1 }, messages: ["applied"] });
  const lost = await process.store.commit(first).catch((error: unknown) => error);
  expect(lost).toMatchObject({ code: "STORE_UNAVAILABLE", outcome: "unknown" });
  proxy.replies("pass");
  proxy.cut();
  await connected(process);
  expect(await process.store.outcome(lost)).toBe("applied");

  proxy.delayRequests(1_000);
  const second = aCommit(id, { number: 2 }, { set: { n: 2 }, messages: ["late"] });
  const late = await process.store.commit(second).catch((error: unknown) => error);
  expect(late).toMatchObject({ code: "STORE_UNAVAILABLE", outcome: "unknown" });
  proxy.delayRequests(0);
  // Delivered after its not-after time. The server has run it by the time that it answers another connection.
  await until(() => proxy.pending === 0);
  expect(await onlooker.store.load(id)).toMatchObject({ version: 2, data: { n: 1 } });
  await connected(process);
  expect(await process.store.outcome(late)).toBe("not-applied");
  await committed(process, id, { number: 2 }, { set: { n: 2 }, messages: ["next"] });
  expect(textsOf(await readFrom(onlooker, id, BEGINNING))).toEqual(["applied", "next"]);
});

test("I10 before a commit the outcome of a write whose reply was lost is decided, and a later write follows the commit as it follows a write", async () => {
  const { proxy, process } = await behindProxy(500);
  const id = await newSession(process);
  proxy.replies("drop");
  const write = await process.store.write(aWrite(id, { n: 1 })).catch((error: unknown) => error);
  proxy.replies("pass");
  proxy.cut();
  await connected(process);
  await committed(process, id, { number: 1 });
  expect(await process.store.outcome(write)).toBe("applied");
  expect(await process.store.write(aWrite(id, { n: 2 }, { expect: 2, known: 2 }))).toMatchObject({
    version: 3,
  });
});

test("I21, I22 at maxmemory a commit is refused as a whole at its first write (I11, I20)", async () => {
  const process = startProcess(server);
  const id = await newSession(process, { data: { n: 0, gone: 1 } });
  const keyed = (text: string) => aMessage(text, { key: "k" });
  await committed(process, id, { number: 1 }, { messages: [keyed("1"), "2"] });
  // The record of the next client takes the place of another record.
  for (let n = 2; n <= 8; n += 1)
    await committed(process, id, { client: `client-${n}`.padEnd(16, "A"), number: 1 });
  const before = await stateOf(id);
  const newcomer = { client: "client-9".padEnd(16, "A"), number: 1 };
  const change = { type: "fields", set: { n: 1 }, unset: ["gone"] } as const;
  await withFullMemory(server.port, async () => {
    for (const options of [
      {},
      { change },
      { messages: [keyed("3")] },
      { change, messages: [keyed("3")], bounds: { maxMessages: 1 } },
      { change, messages: ["3"], bounds: { maxMessages: 9, whenFull: "refuse" as const } },
    ]) {
      for (const numbers of [newcomer, { number: 2 }])
        await expect(process.store.commit(aCommit(id, numbers, options))).rejects.toMatchObject({
          code: "STORE_UNAVAILABLE",
          outcome: "not-applied",
        });
    }
    expect(await stateOf(id)).toEqual(before);
  });
  await committed(process, id, newcomer, { change, messages: [keyed("3")] });
  expect(textsOf(await readFrom(process, id, BEGINNING))).toEqual([undefined, "2", "3"]);
});

test("I21 data over maxBytes leaves the number unsettled, and keeps no message", async () => {
  const process = startProcess(server, { maxBytes: 1_000 });
  const id = await newSession(process, { data: { n: "x".repeat(600) } });
  const before = await stateOf(id);
  for (const size of [600, 2_000]) {
    const large = aCommit(id, { number: 1 }, { set: { m: "x".repeat(size) }, messages: ["no"] });
    await expect(process.store.commit(large)).rejects.toMatchObject({
      code: "TOO_LARGE",
      outcome: "not-applied",
    });
  }
  expect(await stateOf(id)).toEqual(before);
});

test("a commit is one script call; without messages it has one key and creates no list", async () => {
  // The lease is renewed by a script: not during this test.
  const process = startProcess(server, { leaseMs: 600_000 });
  const id = await newSession(process, { data: { n: 0 } });
  const scripts: unknown[] = [];
  const { commands } = process;
  const send = commands.sendCommand.bind(commands);
  commands.sendCommand = (command: Command, ...rest: [NonNullable<Parameters<Redis["sendCommand"]>[1]>?]) => {
    // The probe of the connection sends TIME and INFO each second.
    if (command.name.startsWith("eval")) scripts.push(command.args[1]);
    return send(command, ...rest);
  };
  const calls = async (): Promise<number> =>
    Number(/cmdstat_evalsha:calls=(\d+)/.exec(await cli(server.port, "info", "commandstats"))?.[1]);
  const before = await calls();
  await committed(process, id, { number: 1 }, { set: { n: 1 } });
  expect(await redis.client.hkeys(hashOf(id))).not.toContain("o");
  expect(await redis.client.exists(listOf(id))).toBe(0);
  await committed(process, id, { number: 2 }, { set: { n: 2 }, messages: ["a"] });
  expect(scripts.map(String)).toEqual(["1", "2"]);
  expect((await calls()) - before).toBe(2);
});

test("an unreadable record is reported and left unchanged; parts that a later release added are ignored", async () => {
  const process = startProcess(server);
  const id = await newSession(process, { data: { n: 0 } });
  await committed(process, id, { number: 7, first: 5, settled: 0, refused: [6] });
  const field = `c${CLIENT}`;
  await redis.client.hset(hashOf(id), field, `${await redis.client.hget(hashOf(id), field)} and more`);
  expect(await recordOf(process, id)).toEqual({ settled: 7, refused: [6], floor: 5 });
  await committed(process, id, { number: 8 });
  expect(await recordOf(process, id)).toEqual({ settled: 8, refused: [6], floor: 5 });
  for (const [name, text] of [
    [field, "broken"],
    ["g", "-1"],
  ] as const) {
    await redis.client.hset(hashOf(id), name, text);
    const before = await stateOf(id);
    await expect(process.store.load(id)).rejects.toMatchObject({ code: "CORRUPT_RECORD" });
    if (name === field)
      await expect(process.store.commit(aCommit(id, { number: 9 }))).rejects.toMatchObject({
        code: "CORRUPT_RECORD",
        outcome: "not-applied",
      });
    expect(await stateOf(id)).toEqual(before);
  }
});
