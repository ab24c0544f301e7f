import { Journal } from "@wsession/conformance";
import { cookieToken, createSessions, isSessionError, queryToken } from "@wsession/core";
import type { Connection } from "@wsession/core";
import { redisStore } from "@wsession/store-redis";
import { Cluster } from "ioredis";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startCluster, startRedis } from "../packages/store-redis/test/redis-server.ts";
import type { RedisCluster, RedisServer } from "../packages/store-redis/test/redis-server.ts";
import { connect, runtimeNames, serve } from "./runtimes.ts";
import { disposeOf, newPrefix, openStore, PATIENCE_MS, storeNames } from "./stores.ts";

type Data = { readonly n: number; readonly [field: string]: unknown };
type Conn = Connection<Data, unknown, never>;

let redis: RedisServer;
let cluster: RedisCluster;

beforeAll(async () => {
  [redis, cluster] = await Promise.all([startRedis(), startCluster()]);
});

afterAll(async () => {
  await Promise.all([redis?.stop(), cluster?.stop()]);
});

const codeOf = (error: unknown): unknown => (isSessionError(error) ? error.code : error);

const combinations = runtimeNames.flatMap((runtime) => storeNames.map((store) => ({ runtime, store })));

function clusterStore() {
  const client = new Cluster(cluster.nodes.map(({ port }) => ({ host: "127.0.0.1", port })));
  disposeOf(client);
  return redisStore({ client, prefix: newPrefix(), timeoutMs: PATIENCE_MS });
}

describe.each(combinations)("$runtime on $store", ({ runtime, store }) => {
  test("a session lives from initial to close: messages change it, and the close handler gets its final data", async () => {
    const journal = new Journal();
    const sessions = createSessions<Data>({ store: openStore(store, redis.port), initial: () => ({ n: 0 }) });
    const server = await serve(runtime, sessions, {
      async message(connection, text) {
        const { n } = await connection.session.update((data) => ({
          ...data,
          n: data.n + 1,
          text: `${text}`,
        }));
        connection.send(`${n}`);
      },
      close: ({ session }) => journal.note(`${session.data.n} ${session.data["text"]} ${session.version}`),
    });
    const client = await connect(server);
    for (const text of ["a", "b", "c"]) client.send(text);
    for (const expected of ["1", "2", "3"]) expect(await client.next()).toBe(expected);
    client.socket.close();
    await journal.until(1);
    expect(journal.entries).toEqual(["3 c 4"]);
  });

  test("I8 1,000 updates and patches at once, from two handles: none is lost", async () => {
    const opened = new Journal<Conn>();
    const sessions = createSessions<Data>({ store: openStore(store, redis.port), initial: () => ({ n: 0 }) });
    const server = await serve(runtime, sessions, { open: (connection) => opened.note(connection) });
    await connect(server);
    await opened.until(1);
    const [{ session } = expect.unreachable()] = opened.entries;
    const other = await sessions.get(session.id);
    await Promise.all(
      Array.from({ length: 500 }, (_, index) => [
        (index % 2 === 0 ? session : other)?.update((data) => ({ ...data, n: data.n + 1 })),
        session.patch({ [`field${index}`]: index }),
      ]).flat(),
    );
    expect(Object.keys(await session.refresh())).toHaveLength(501);
    expect(session.data.n).toBe(500);
  });

  test("without `initial`, setSession opens the gate, and the session is found by its id", async () => {
    const journal = new Journal();
    const sessions = createSessions<Data>({ store: openStore(store, redis.port) });
    const server = await serve(runtime, sessions, {
      async open(connection) {
        const session = await connection.setSession({ n: 5 });
        journal.note(`${(await sessions.get(session.id))?.data.n}`);
      },
      message: (connection, text) => journal.note(`${text} ${connection.session?.data.n}`),
    });
    await connect(server, "/", { atOpen: (socket) => socket.send("hello") });
    await journal.until(2);
    expect(journal.entries).toEqual(["5", "hello 5"]);
  });

  test("a value that can't be stored rejects with NOT_SERIALISABLE and changes nothing; a store in memory keeps it by reference", async () => {
    const opened = new Journal<Conn>();
    const sessions = createSessions<Data>({ store: openStore(store, redis.port), initial: () => ({ n: 0 }) });
    const server = await serve(runtime, sessions, { open: (connection) => opened.note(connection) });
    const client = await connect(server);
    await opened.until(1);
    const [{ session } = expect.unreachable()] = opened.entries;
    const call = () => 1;
    const result = await session.patch({ call }).catch(codeOf);
    const good = session.patch({ n: 1 });
    const bad = session.patch({ n: 2, when: new Date(0) }).catch(codeOf);
    await good;
    if (store === "redis") {
      expect([result, await bad]).toEqual(["NOT_SERIALISABLE", "NOT_SERIALISABLE"]);
      expect(session.data).toEqual({ n: 1 });
      expect(await session.refresh()).toEqual({ n: 1 });
    } else {
      expect([result, await bad]).toEqual([undefined, undefined]);
      expect(session.data).toEqual({ n: 2, call, when: new Date(0) });
    }
    await client.roundTrip();
  });

  test("idle expiry closes a silent connection with 4419, and its session is gone", async () => {
    const opened = new Journal<Conn>();
    const sessions = createSessions<Data>({
      store: openStore(store, redis.port),
      idleMs: 150,
      initial: () => ({ n: 0 }),
    });
    const server = await serve(runtime, sessions, { open: (connection) => opened.note(connection) });
    const client = await connect(server);
    await opened.until(1);
    expect((await client.closed).code).toBe(4419);
    expect(await sessions.get(opened.entries[0]?.session.id ?? "")).toBeUndefined();
  });
});

describe.each(combinations.filter(({ store }) => store !== "in-connection"))(
  "presence on $runtime with $store",
  ({ runtime, store }) => {
    test("fault B8: when three tabs of a session close in one tick, presence() in their close handlers counts down", async () => {
      const counts = new Journal<number>();
      const sessions = createSessions<Data>({
        store: openStore(store, redis.port),
        token: queryToken(),
        initial: () => ({ n: 0 }),
      });
      const server = await serve(runtime, sessions, {
        async close({ session }) {
          counts.note((await sessions.presence(session.id)).connections);
        },
      });
      const { token } = await sessions.create({ n: 0 });
      const tabs = await Promise.all([1, 2, 3].map(() => connect(server, `/?token=${token}`)));
      await Promise.all(tabs.map((tab) => tab.roundTrip()));
      for (const { socket } of tabs) socket.terminate();
      await counts.until(3);
      expect(counts.entries).toEqual([2, 1, 0]);
    });
  },
);

describe("a session moves between runtimes, ws → uWS → ws", () => {
  const stores = {
    map: () => openStore("map", redis.port),
    redis: () => openStore("redis", redis.port),
    "redis cluster": clusterStore,
  };

  test.each(Object.entries(stores))("%s, by cookie and by a token in the query", async (_, open) => {
    for (const carrier of ["cookie", "query"] as const) {
      const visits = new Journal<readonly [runtime: string, resumed: boolean, n: number]>();
      const sessions = createSessions<Data>({
        store: open(),
        token: carrier === "cookie" ? cookieToken({ name: "sid", secure: false }) : queryToken(),
        initial: () => ({ n: 0 }),
      });
      const handlers = {
        async open(connection: Conn) {
          const { n } = await connection.session.update((data) => ({ ...data, n: data.n + 1 }));
          visits.note([connection.runtime, connection.resumed, n]);
          if (connection.token !== undefined) connection.send(connection.token);
        },
      };
      const servers = [await serve("ws", sessions, handlers), await serve("uws", sessions, handlers)];
      const first = await connect(servers[0]!);
      const token = carrier === "query" ? String(await first.next()) : undefined;
      const cookie = first.headers["set-cookie"]?.[0]?.split(";")[0];
      const path = token === undefined ? "/" : `/?token=${token}`;
      const headers = cookie === undefined ? {} : { cookie };
      await visits.until(1);
      for (const [index, server] of [servers[1]!, servers[0]!].entries()) {
        first.socket.close();
        await connect(server, path, { headers });
        await visits.until(index + 2);
      }
      expect(visits.entries).toEqual([
        ["ws", false, 1],
        ["uws", true, 2],
        ["ws", true, 3],
      ]);
    }
  });

  test("redis cluster: changes, destroys and values that can't be stored behave as with one Redis", async () => {
    const opened = new Journal<Conn>();
    const sessions = createSessions<Data>({ store: clusterStore(), initial: () => ({ n: 0 }) });
    const server = await serve("uws", sessions, { open: (connection) => opened.note(connection) });
    const clients = await Promise.all(Array.from({ length: 12 }, () => connect(server)));
    await opened.until(12);
    await Promise.all(
      opened.entries.flatMap(({ session }) =>
        Array.from({ length: 10 }, () => session.update((data) => ({ ...data, n: data.n + 1 }))),
      ),
    );
    for (const { session } of opened.entries) expect(await session.refresh()).toEqual({ n: 10 });
    const [{ session } = expect.unreachable()] = opened.entries;
    expect(await session.patch({ bad: 1n }).catch(codeOf)).toBe("NOT_SERIALISABLE");
    const ids: string[] = [];
    for await (const { id } of sessions.entries()) ids.push(id);
    expect(ids.toSorted()).toEqual(opened.entries.map((connection) => connection.session.id).toSorted());
    await Promise.all(ids.map((id) => sessions.destroy(id)));
    for (const client of clients) expect((await client.closed).code).toBe(4410);
    expect(await session.patch({ n: 1 }).catch(codeOf)).toBe("SESSION_GONE");
  });
});
