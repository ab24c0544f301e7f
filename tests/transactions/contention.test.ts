/** Transactions beside other writers, over records of an older schema version, in a shutdown, and with clients that lie. */
import { FramedPeer, deferred, Journal } from "@wsession/conformance";
import { createSessions, mapStore, queryToken } from "@wsession/core";
import { DECOY_SUBPROTOCOL, SUBPROTOCOL } from "@wsession/protocol";
import type { Attach } from "@wsession/protocol";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startRedis } from "../../packages/store-redis/test/redis-server.ts";
import type { RedisServer } from "../../packages/store-redis/test/redis-server.ts";
import { connect, serve } from "../runtimes.ts";
import { newPrefix, openStore } from "../stores.ts";

interface Data {
  readonly sum: number;
  readonly others: number;
}

let redis: RedisServer;

beforeAll(async () => {
  redis = await startRedis();
});

afterAll(() => redis?.stop());

const offer = { protocols: [DECOY_SUBPROTOCOL, SUBPROTOCOL] };
const initial = (): Data => ({ sum: 0, others: 0 });

async function peerOf(server: { readonly port: number }, token = ""): Promise<FramedPeer> {
  return FramedPeer.over(await connect(server, token === "" ? "/" : `/?token=${token}`, offer));
}

test("I21 transactions make progress beside another process that writes every millisecond, and neither loses a change", async () => {
  const prefix = newPrefix();
  const sessions = createSessions({
    store: openStore("redis", redis.port, { prefix }),
    token: queryToken(),
    initial,
  });
  const others = createSessions<Data>({ store: openStore("redis", redis.port, { prefix }) });
  const server = await serve("ws", sessions, {
    async transaction(tx) {
      const { sum } = tx.data;
      await new Promise((resolve) => setImmediate(resolve));
      tx.patch({ sum: sum + 1 });
    },
  });
  const peer = await peerOf(server);
  peer.attach();
  const { session } = await peer.until("hello");
  const other = (await others.get(session ?? "")) ?? expect.fail("no session");
  const done = new AbortController();
  let written = 0;
  const storm = (async () => {
    while (!done.signal.aborted) {
      await other.update((data) => ({ ...data, others: data.others + 1 }));
      written += 1;
      // Without a pause of the other writer a handler that takes a turn of the event loop has no promise of progress.
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  })();
  for (let n = 1; n <= 40; n += 1) peer.sendCounted("go");
  await peer.until("applied", ({ number }) => number === 40);
  done.abort();
  await storm;
  expect(written).toBeGreaterThan(0);
  expect(await other.refresh()).toEqual({ sum: 40, others: written });
  await others.close();
}, 30_000);

test("I21 a transaction on a record of an older schema version replaces the whole record", async () => {
  const prefix = newPrefix();
  const older = createSessions<{ readonly count: number }>({
    store: openStore("redis", redis.port, { prefix }),
    schemaVersion: 1,
  });
  const { session, token } = await older.create({ count: 5 });
  const sessions = createSessions<Data>({
    store: openStore("redis", redis.port, { prefix }),
    token: queryToken(),
    schemaVersion: 2,
    migrate: (data) => ({ sum: Number(Reflect.get(Object(data), "count")), others: 0 }),
    initial,
  });
  const server = await serve("ws", sessions, {
    transaction(tx, message) {
      if (`${message}` === "patch") tx.patch({ others: 1 });
      else tx.update((data) => ({ ...data, sum: data.sum + 1 }));
    },
  });
  const peer = await peerOf(server, token);
  peer.attach({ session: session.id });
  peer.sendCounted("patch");
  peer.sendCounted("update");
  await peer.until("applied", ({ number }) => number === 2);
  const found = await sessions.get(session.id);
  expect(await found?.refresh()).toEqual({ sum: 6, others: 1 });
  await older.close();
});

test("I21 close() waits for a running transaction, and a message that was not handled is not reported as settled", async () => {
  const store = mapStore();
  const gate = deferred();
  const begun = new Journal();
  const sessions = createSessions({ store, token: queryToken(), initial });
  const server = await serve("ws", sessions, {
    async transaction(tx, message) {
      begun.note(`${message}`);
      await gate.promise;
      tx.update((data) => ({ ...data, sum: data.sum + 1 }));
    },
  });
  const peer = await peerOf(server);
  peer.attach();
  const { session } = await peer.until("hello");
  peer.sendCounted("1");
  peer.sendCounted("2");
  await begun.until(1);
  const state = await sessions.get(session ?? "");
  const closing = sessions.close({ drainMs: 5_000 });
  gate.resolve();
  await closing;
  await peer.client.closed;
  const frames = await drained(peer);
  const reported = Math.max(0, ...frames);
  expect(state?.data.sum).toBe(reported);
  expect(reported).toBeGreaterThan(0);
});

/** The acknowledged numbers that the client has not read yet. */
async function drained(peer: FramedPeer): Promise<number[]> {
  const numbers: number[] = [];
  for (;;) {
    const frame = await peer.next().catch(() => undefined);
    if (frame === undefined) return numbers;
    if (frame.type === "applied") numbers.push(frame.number);
  }
}

test("I21 whatever numbers a client sends, none of its messages counts twice, and the server serves the next client", async () => {
  const handled = new Journal();
  const sessions = createSessions({
    store: openStore("redis", redis.port),
    token: queryToken(),
    initial,
    onError: () => undefined,
  });
  const server = await serve("ws", sessions, {
    transaction(tx, message) {
      handled.note(`${message}`);
      tx.update((data) => ({ ...data, sum: data.sum + 1 }));
    },
  });
  const first = await peerOf(server);
  first.attach();
  const { token = "", session } = await first.until("hello");
  first.sendCounted("first");
  await first.until("applied");
  const lies: readonly Partial<Omit<Attach, "type">>[] = [
    { from: 1, known: 1_000 },
    { from: 1, known: 1_000_000_000_000, mark: 77 },
    { from: 1, mark: 4_000_000 },
    { from: 1_000_000_000_000, known: 1 },
    { from: 1_000_000_000_000, known: 1_000_000_000_000 },
    { from: 1, client: "AAAAAAAAAAAAAAAA", known: 5 },
    { from: 7, client: "BBBBBBBBBBBBBBBB", mark: 99 },
    { session: "another" },
  ];
  for (const [index, lie] of lies.entries()) {
    const peer = await peerOf(server, token);
    peer.attach({ client: first.id, session, ...lie });
    peer.sendCounted(`a${index}`);
    peer.sendCounted(`b${index}`);
    peer.client.send(".?");
    await Promise.race([peer.until("beat").catch(() => undefined), peer.client.closed]);
    peer.client.send(".b");
    await peer.client.closed;
  }
  const last = await peerOf(server, token);
  last.attach();
  await last.until("hello");
  last.sendCounted("last");
  await last.until("applied");
  expect(new Set(handled.entries).size).toBe(handled.entries.length);
  const state = await sessions.get(session ?? "");
  expect((await state?.refresh())?.sum).toBe(handled.entries.length);
}, 20_000);

test("I21 while other writers wait for a transaction, its handler can refresh, touch, extend and destroy the session", async () => {
  const sessions = createSessions({
    store: mapStore(),
    token: queryToken(),
    handlerTimeoutMs: 5_000,
    initial,
  });
  const runs = new Journal();
  const server = await serve("ws", sessions, {
    async transaction(tx, message) {
      runs.note(`${message}`);
      const { session } = tx.connection;
      const { sum } = tx.data;
      const isHeld = runs.entries.filter((one) => one === `${message}`).length > 3;
      if (!isHeld)
        await (await sessions.get(session.id))?.update((data) => ({ ...data, others: data.others + 1 }));
      else {
        await session.refresh();
        await session.touch();
        await session.extend();
        if (`${message}` === "destroy") await session.destroy("enough");
      }
      tx.patch({ sum: sum + 1 });
    },
  });
  const peer = await peerOf(server);
  peer.attach();
  const { session: id = "" } = await peer.until("hello");
  const session = await sessions.get(id);
  peer.sendCounted("count");
  await peer.until("applied");
  expect(session?.data).toEqual({ sum: 1, others: 3 });
  peer.sendCounted("destroy");
  expect((await peer.client.closed).code).toBe(4410);
  expect(runs.entries).toHaveLength(8);
  expect(await sessions.get(id)).toBeUndefined();
});

test("I13 I21 a connection that is replaced while its handler runs commits nothing, and the message counts once on the newer connection", async () => {
  const gate = deferred();
  const begun = new Journal();
  const sessions = createSessions({
    store: openStore("redis", redis.port),
    token: queryToken(),
    exclusive: true,
    initial,
    onError: () => undefined,
  });
  const server = await serve("ws", sessions, {
    async transaction(tx, message) {
      begun.note(`${message}`);
      if (begun.entries.length === 1) await gate.promise;
      tx.update((data) => ({ ...data, sum: data.sum + 1 }));
    },
  });
  const old = await peerOf(server);
  old.attach();
  const { token, session } = await old.until("hello");
  old.sendCounted("go");
  await begun.until(1);
  const newer = await peerOf(server, token);
  newer.comeBack(old, { client: old.id, from: 1 });
  expect((await old.client.closed).code).toBe(4409);
  gate.resolve();
  newer.sendCounted("go");
  await newer.until("applied");
  const state = await sessions.get(session ?? "");
  expect(await state?.refresh()).toEqual({ sum: 1, others: 0 });
  expect(old.frames.some(({ type }) => type === "applied")).toBe(false);
});
