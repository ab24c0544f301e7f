import { FramedPeer, Journal } from "@wsession/conformance";
import { createSessions, queryToken } from "@wsession/core";
import type { Connection, SessionsOptions } from "@wsession/core";
import { DECOY_SUBPROTOCOL, SUBPROTOCOL } from "@wsession/protocol";
import { redisStore } from "@wsession/store-redis";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startRedis } from "../../packages/store-redis/test/redis-server.ts";
import type { RedisServer } from "../../packages/store-redis/test/redis-server.ts";
import { connect, serve } from "../runtimes.ts";
import type { RuntimeName } from "../runtimes.ts";
import { newPrefix, PATIENCE_MS, redisClient } from "../stores.ts";

type Data = { readonly n: number };
type Conn = Connection<Data, unknown, never>;

let redis: RedisServer;

beforeAll(async () => {
  redis = await startRedis();
});

afterAll(() => redis?.stop());

/** Two applications that share only Redis, as two processes do. One runs ws, the other uWebSockets.js. */
async function twoNodes(options: Pick<SessionsOptions<Data>, "outbox"> = {}) {
  const prefix = newPrefix();
  const start = async (runtime: RuntimeName) => {
    const opened = new Journal<Conn>();
    const sessions = createSessions<Data>({
      store: redisStore({ client: redisClient(redis.port), prefix, timeoutMs: PATIENCE_MS }),
      token: queryToken(),
      initial: () => ({ n: 0 }),
      onError: () => undefined,
      ...options,
    });
    const server = await serve(runtime, sessions, { open: (connection) => opened.note(connection) });
    const open = async (token?: string) => {
      const path = token === undefined ? "/" : `/?token=${token}`;
      return FramedPeer.over(await connect(server, path, { protocols: [DECOY_SUBPROTOCOL, SUBPROTOCOL] }));
    };
    return { sessions, opened, open };
  };
  return [await start("ws"), await start("uws")] as const;
}

async function arrived(node: Awaited<ReturnType<typeof twoNodes>>[0]) {
  const peer = await node.open();
  peer.attach();
  const { session = "", token = "" } = await peer.until("hello");
  return { peer, id: session, token };
}

const numbers = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, n) => `${from + n}`);

test("I15, I17 messages that both nodes send at the same time reach clients at both in one order, each once", async () => {
  const [one, two] = await twoNodes();
  const { peer, id, token } = await arrived(one);
  const other = await two.open(token);
  other.comeBack(peer);
  await other.until("hello");
  const sent = await Promise.all(
    Array.from({ length: 100 }, async (_, n) => {
      const sessions = n % 2 === 0 ? one.sessions : two.sessions;
      // Not all in one tick, so that they travel in many calls.
      await new Promise((resolve) => setTimeout(resolve, n % 7));
      return sessions.send(id, `${n}`);
    }),
  );
  const offsets = sent.map((answer) => answer?.offset ?? 0);
  expect(offsets.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 100 }, (_, n) => n + 1));
  const first = await peer.keptTexts(100);
  expect(await other.keptTexts(100)).toEqual(first);
  expect(peer.keptOffsets).toEqual(Array.from({ length: 100 }, (_, n) => n + 1));
  expect(first.map((text) => offsets[Number(text)])).toEqual(peer.keptOffsets);
});

test("I16 a client that loses its connection at one node and comes back at the other gets the messages sent meanwhile, and then live messages", async () => {
  const [one, two] = await twoNodes();
  const { peer, id, token } = await arrived(one);
  for (const text of numbers(1, 3)) await two.sessions.send(id, text);
  expect(await peer.keptTexts(3)).toEqual(numbers(1, 3));
  peer.client.socket.terminate();
  for (const text of numbers(4, 40)) await one.sessions.send(id, text);
  const back = await two.open(token);
  back.comeBack(peer);
  expect(await back.until("hello")).toMatchObject({
    session: id,
    resumed: true,
    missed: undefined,
    last: 40,
  });
  await one.sessions.send(id, "41");
  expect(await back.keptTexts(38)).toEqual(numbers(4, 41));
});

test("I16 a message that is too long for an announcement reaches the other node's client, in order", async () => {
  const [one, two] = await twoNodes();
  const { peer, id } = await arrived(one);
  const long = "x".repeat(100_000);
  await two.sessions.send(id, "before");
  await two.sessions.send(id, long);
  await two.sessions.send(id, "behind");
  expect(await peer.keptTexts(3)).toEqual(["before", long, "behind"]);
});

test("I19 if Redis loses only the list of messages, the client gets a report of the missed messages, and later messages arrive", async () => {
  const [one, two] = await twoNodes();
  const { peer, id, token } = await arrived(one);
  await one.sessions.send(id, "1");
  await peer.keptTexts(1);
  peer.client.socket.terminate();
  await one.sessions.send(id, "2");
  const client = redisClient(redis.port);
  const lists: string[] = [];
  for (const key of await client.keys("*")) if ((await client.type(key)) === "list") lists.push(key);
  expect(await client.del(...lists)).toBeGreaterThan(0);
  await one.sessions.send(id, "3");
  const back = await two.open(token);
  back.comeBack(peer);
  expect((await back.until("hello")).missed).toEqual({ from: 2, to: 2, certain: false });
  expect(await back.keptTexts(1)).toEqual(["3"]);
});

test("I18 a session that is destroyed at the other node has no outbox", async () => {
  const [one, two] = await twoNodes();
  const { peer, id } = await arrived(one);
  await one.sessions.send(id, "1");
  await two.sessions.destroy(id);
  expect((await peer.client.closed).code).toBe(4410);
  expect(await one.sessions.send(id, "2")).toBeUndefined();
  expect(await two.sessions.send(id, "2")).toBeUndefined();
});
