import type { AppendRequest, ReadRequest, ReadResult } from "@wsession/core";
import { Redis } from "ioredis";
import { expect, onTestFinished, test } from "vitest";
import { aCreation, anAppend } from "./fake-host.ts";
import { connected, type Process, startProcess } from "./processes.ts";
import { startRedis, until } from "./redis-server.ts";
import { startProxy } from "./tcp-proxy.ts";
import { useRedisServer } from "./shared-servers.ts";

const server = useRedisServer();

type Read = Extract<ReadResult, { type: "read" }>;

async function read({ store }: Process, id: string, request: Partial<ReadRequest> = {}): Promise<Read> {
  const beginning = { offset: 0, chain: 0 };
  const whole = { id, from: beginning, witness: undefined, maxBytes: 1_000_000, ...request };
  const result = await store.read?.(whole);
  return result?.type === "read" ? result : expect.fail(result?.type ?? "there is no outbox");
}

async function textsOf(process: Process, id: string): Promise<unknown[]> {
  return (await read(process, id)).entries.map(({ data }) => data);
}

async function aSession({ store }: Process): Promise<string> {
  const { id } = aCreation();
  await store.create(aCreation({ id }));
  return id;
}

function append({ store }: Process, ...request: Parameters<typeof anAppend>) {
  return store.append?.(anAppend(...request)) ?? expect.fail("there is no outbox");
}

test("I10 outcome() finds the unknown outcome of an append, and an append that comes too late is never kept", async () => {
  const proxy = await startProxy(server);
  onTestFinished(() => proxy.close());
  const onlooker = startProcess(server);
  const process = startProcess(
    () => new Redis({ port: proxy.port, host: "127.0.0.1", retryStrategy: () => 10 }),
    { timeoutMs: 1_500 },
  );
  const id = await aSession(onlooker);
  const failed = async (text: string): Promise<unknown> => {
    const error = await Promise.resolve(append(process, id, [text])).then(
      () => expect.fail("it resolved"),
      (reason: unknown) => reason,
    );
    expect(error).toMatchObject({ code: "STORE_UNAVAILABLE", outcome: "unknown" });
    return error;
  };
  const outcomeOf = async (error: unknown): Promise<string> => {
    let outcome = "";
    await until(async () => {
      outcome = await process.store.outcome(error);
      return true;
    });
    return outcome;
  };
  await connected(process);
  // Run the script once before, because an unknown script is sent twice.
  await append(process, id, ["first"]);
  proxy.replies("drop");
  const unanswered = await failed("unanswered");
  proxy.replies("pass");
  proxy.cut();
  expect(await outcomeOf(unanswered)).toBe("applied");
  await connected(process);
  proxy.delayRequests(2_000);
  const late = await failed("late");
  proxy.delayRequests(0);
  await until(() => proxy.pending === 0);
  // The server runs what came before on any connection by the time that it answers.
  expect(await textsOf(onlooker, id)).toEqual(["first", "unanswered"]);
  expect(await outcomeOf(late)).toBe("not-applied");
});

test("I19 if only the list was lost, as by an eviction, all of its messages are missed, and offsets and chain continue", async () => {
  const process = startProcess(server);
  const id = await aSession(process);
  await append(process, id, ["a", "b"]);
  const { end } = await read(process, id);
  expect(await process.client.del(`ws:o:{${id}}`)).toBe(1);
  expect(await read(process, id)).toMatchObject({
    missed: { from: 1, to: 2, certain: false },
    entries: [],
    end,
  });
  expect(await append(process, id, ["c"])).toMatchObject({ offset: 3, before: end.chain });
  expect(await textsOf(process, id)).toEqual(["c"]);
  expect((await read(process, id, { from: end })).missed).toBeUndefined();
});

test("I18 destroy removes all kept messages from Redis, and leaves only the session's tombstone", async () => {
  const prefix = "kept";
  const process = startProcess(server, { prefix });
  const id = await aSession(process);
  await append(process, id, ["a".repeat(1_000)]);
  await process.store.destroy(id, undefined, false);
  await until(async () => (await process.client.keys(`${prefix}:*{${id}}*`)).length === 1);
  expect(await process.client.keys(`${prefix}:*{${id}}*`)).toEqual([`${prefix}:s:{${id}}`]);
});

test("I20 with whenFull refuse the eight readers that read last are waited for, and a ninth replaces one of them", async () => {
  const process = startProcess(server);
  const id = await aSession(process);
  const bounds: Partial<AppendRequest["bounds"]> = { maxMessages: 1, whenFull: "refuse" };
  const reader = (name: string) => ({ name: name.padEnd(16, "A"), maxAgeMs: 60_000 });
  await append(process, id, ["1"], bounds);
  const { end } = await read(process, id, { reader: reader("behind") });
  for (let n = 2; n <= 8; n += 1) {
    // The store orders the readers by the time of their last read, in milliseconds.
    const readAt = Date.now();
    await until(() => Date.now() > readAt + 1);
    await read(process, id, { from: end, reader: reader(`reader${n}`) });
  }
  expect(await append(process, id, ["2"], bounds)).toEqual({ type: "full" });
  await read(process, id, { from: end, reader: reader("reader9") });
  expect(await append(process, id, ["2"], bounds)).toMatchObject({ type: "appended" });
});

test("I11 an append that Redis refuses for lack of memory is not applied, not even partly", async () => {
  const small = await startRedis();
  onTestFinished(() => small.stop());
  const process = startProcess(small);
  const id = await aSession(process);
  const bounds = { maxMessages: 2 };
  await append(process, id, ["a", "b"], bounds);
  const before = await read(process, id);
  await process.client.config("SET", "maxmemory", "1");
  await expect(append(process, id, ["c"], bounds)).rejects.toMatchObject({
    code: "STORE_UNAVAILABLE",
    outcome: "not-applied",
  });
  await process.client.config("SET", "maxmemory", "0");
  expect(await read(process, id)).toEqual(before);
});
