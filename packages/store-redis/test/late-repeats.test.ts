import { createHash } from "node:crypto";
import { type Command, Redis } from "ioredis";
import { expect, test } from "vitest";
import { aCommit, CLIENT } from "./fake-client.ts";
import { aCreation, anAppend, aResume, aWrite } from "./fake-host.ts";
import { startProcess } from "./processes.ts";
import { until } from "./redis-server.ts";
import { useRedisServer } from "./shared-servers.ts";

const server = useRedisServer();

const indexOf = (subject: string): string =>
  `ws:u:{${createHash("sha256").update(subject).digest("base64url").slice(0, 12)}}`;

/** A process whose scripts the test can send again, as a network may deliver them late. */
function repeatingProcess() {
  const process = startProcess(() => new Redis(server.port, "127.0.0.1"));
  const send = process.commands.sendCommand.bind(process.commands);
  const scripts: Pick<Command, "name" | "args">[] = [];
  process.commands.sendCommand = (
    command: Command,
    ...rest: [NonNullable<Parameters<Redis["sendCommand"]>[1]>?]
  ) => {
    if (command.name.startsWith("eval")) scripts.push(command);
    return send(command, ...rest);
  };
  return {
    ...process,
    /** Sends the last script with this number of keys again, without the store. */
    lastScript(keys = 1): () => Promise<unknown> {
      const last = scripts.findLast(({ args }) => String(args[1]) === String(keys));
      const { name, args } = last ?? expect.fail("no script was sent");
      const words = args.map(String);
      return () => process.client.call(name, ...words);
    },
  };
}

test("I10 a creation that is delivered again finds its own digest, and returns the first result", async () => {
  const { store, lastScript } = repeatingProcess();
  const { id } = aCreation();
  await store.create(aCreation({ id }));
  const again = lastScript();
  expect(await again()).toMatchObject({ 0: "created" });
  expect(await store.load(id)).toMatchObject({ version: 1 });
});

test("I10 a hold that is delivered again after newer counts of its process changes nothing", async () => {
  const { store, lastScript } = repeatingProcess();
  const { id } = aCreation();
  await store.create(aCreation({ id, hold: true }));
  await store.resume(aResume(id, { hold: true }));
  const again = lastScript();
  await store.release(id);
  await store.release(id);
  await again();
  // The process counts its own connections, and reads only the others from Redis.
  expect((await startProcess(server).store.presence(id)).nodes).toEqual([]);
});

test("I10 a write that is delivered again after a newer one of its process changes nothing", async () => {
  const { store, lastScript } = repeatingProcess();
  const { id } = aCreation();
  await store.create(aCreation({ id, data: { n: 0 } }));
  await store.write(aWrite(id, { n: 1 }));
  const again = lastScript();
  await store.write(aWrite(id, { n: 2 }));
  await again();
  expect(await store.load(id)).toMatchObject({ version: 3, data: { n: 2 } });
});

test("I10 an append that is delivered again keeps nothing twice: it returns the first result, or is refused after a newer append", async () => {
  const { store, lastScript } = repeatingProcess();
  const other = startProcess(server);
  const { id } = aCreation();
  await store.create(aCreation({ id }));
  await store.append?.(anAppend(id, ["a"]));
  const again = lastScript(2);
  await other.store.append?.(anAppend(id, ["b"]));
  expect(await again()).toEqual(["appended", 1, 0]);
  await store.append?.(anAppend(id, ["c"]));
  await again();
  const from = { offset: 0, chain: 0 };
  const found = await other.store.read?.({ id, from, witness: undefined, maxBytes: 1_000 });
  const entries = found?.type === "read" ? found.entries : [];
  expect(entries.map(({ data }) => data)).toEqual(["a", "b", "c"]);
});

test("I10, I21 a commit that is delivered again changes nothing twice: it returns the first result, or is refused after a newer commit", async () => {
  const { store, lastScript } = repeatingProcess();
  const { id } = aCreation();
  await store.create(aCreation({ id, data: { n: 0 } }));
  await store.commit(aCommit(id, { number: 1 }, { set: { n: 1 }, messages: ["a"] }));
  const again = lastScript(2);
  const other = startProcess(server);
  await other.store.commit(aCommit(id, { number: 2, refused: [2] }, { messages: ["b"] }));
  // Version, offset and the chain before it: the short form, because the record has no refusal of the numbers up to 1.
  expect(await again()).toEqual([2, 1, 0]);
  await store.commit(aCommit(id, { number: 3 }, { set: { n: 3 }, messages: ["c"] }));
  expect(await again()).toEqual(["overtaken"]);
  expect(await store.load(id)).toMatchObject({
    version: 3,
    data: { n: 3 },
    outbox: { offset: 3 },
    clients: { byClient: new Map([[CLIENT, { settled: 3, refused: [2], floor: 1 }]]) },
  });
});

test("I13 a takeover that is delivered again without another takeover since returns the same fence", async () => {
  const { store, lastScript } = repeatingProcess();
  const { id } = aCreation();
  await store.create(aCreation({ id, exclusive: true }));
  const taken = await store.takeOver?.(id);
  const fence = taken?.type === "taken" ? taken.fence : expect.fail("not taken");
  const again = lastScript();
  expect(await again()).toEqual(["taken", fence]);
  expect((await store.load(id))?.fence).toBe(fence);
});

test("index ⊇ live: an index entry that is delivered again after a longer one does not shorten the longer one", async () => {
  const { store, client, lastScript } = repeatingProcess();
  const { id } = aCreation();
  await store.create(aCreation({ id, subject: "ada", idleMs: 60_000, absoluteMs: 60_000 }));
  const again = lastScript(2);
  expect(await store.touch(id, 600_000, 600_000)).toBe(true);
  const index = indexOf("ada");
  const listed = await client.zscore(index, id);
  await again();
  expect(await client.zscore(index, id)).toBe(listed);
});

test("index ⊇ live: the removal of an index entry that is delivered again after its session was created anew does not shorten the new entry", async () => {
  const { store, client, lastScript } = repeatingProcess();
  const index = indexOf("eve");
  const endless = { id: aCreation().id, subject: "eve", idleMs: Infinity, absoluteMs: Infinity };
  await store.create(aCreation(endless));
  await client.del(`ws:s:{${endless.id}}`);
  // The session was listed an hour ago, so it is no longer about to be created, and its entry ends.
  const before = await client.zincrby(index, -3_600_000, endless.id);
  expect(await store.bySubject("eve")).toEqual([]);
  await until(async () => Number(await client.zscore(index, endless.id)) < Number(before));
  const again = lastScript();
  expect(await store.create(aCreation(endless))).toMatchObject({ type: "created" });
  const listed = await client.zscore(index, endless.id);
  expect(await again()).toBe(1);
  expect(await client.zscore(index, endless.id)).toBe(listed);
});

test("I9 a session past its absolute deadline is absent even if its key still exists", async () => {
  const { store, client } = repeatingProcess();
  let id = "";
  // On a busy machine a key can expire before PERSIST reaches it.
  await until(async () => {
    ({ id } = aCreation());
    await store.create(aCreation({ id, absoluteMs: 50 }));
    return (await client.persist(`ws:s:{${id}}`)) === 1;
  });
  await until(async () => (await store.load(id)) === undefined);
  expect(await client.exists(`ws:s:{${id}}`)).toBe(1);
  expect(await store.write(aWrite(id, { n: 1 }))).toEqual({ type: "missing" });
  expect(await store.touch(id, 60_000)).toBe(false);
  expect(await store.resume(aResume(id))).toEqual({ type: "missing" });
});
