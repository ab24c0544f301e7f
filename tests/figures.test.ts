import { deferred, delay, Journal, until } from "@wsession/conformance";
import { createSessions, isSessionError, queryToken } from "@wsession/core";
import type { Connection } from "@wsession/core";
import { redisStore } from "@wsession/store-redis";
import { describe, expect, test } from "vitest";
import { WebSocketServer } from "ws";
import { nextOf, startApplication } from "./applications.ts";
import { connect, runtimeNames, serve } from "./runtimes.ts";
import { newPrefix, openStore, redisClient, storeNames } from "./stores.ts";
import { useRedisServer } from "../packages/store-redis/test/shared-servers.ts";

const redis = useRedisServer();

const codeOf = (error: unknown): unknown => (isSessionError(error) ? [error.code, error.outcome] : error);

const combinations = runtimeNames.flatMap((runtime) => storeNames.map((store) => ({ runtime, store })));

const CLIENTS = 50;
const numbers = Array.from({ length: 10 }, (_, index) => `${index}`);

describe("50 clients × 10 messages in the tick of their open, while initial and open each await 20 ms", () => {
  test.each(combinations)(
    "$runtime, $store: 500 of 500 are handled, in order, each with its session",
    async ({ runtime, store }) => {
      const handled = new Journal<readonly [who: string, text: string]>();
      const sessions = createSessions({
        store: openStore(store, redis.port),
        async initial({ url }) {
          await delay(20);
          return { who: url };
        },
      });
      const server = await serve(runtime, sessions, {
        open: () => delay(20),
        message: (connection, text) => handled.note([connection.session.data.who, `${text}`]),
      });
      const atOpen = (socket: { send(text: string): void }) => {
        for (const text of numbers) socket.send(text);
      };
      const paths = Array.from({ length: CLIENTS }, (_, index) => `/${index}`);
      await Promise.all(paths.map((path) => connect(server, path, { atOpen })));
      await handled.until(CLIENTS * 10);
      for (const path of paths) {
        expect(handled.entries.filter(([who]) => who === path).map(([, text]) => text)).toEqual(numbers);
      }
    },
  );

  test("the control, ws without this library and with an async connection handler: 0 of 500", async () => {
    let handled = 0;
    const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
    const prepared = deferred();
    server.on("connection", (socket) => {
      void prepared.promise.then(() => socket.on("message", () => (handled += 1)));
    });
    await new Promise((resolve) => void server.once("listening", resolve));
    const { port } = server.address() as { readonly port: number };
    const clients = await Promise.all(
      Array.from({ length: CLIENTS }, () =>
        connect({ port }, "/", {
          atOpen: (socket) => {
            for (const text of numbers) socket.send(text);
          },
        }),
      ),
    );
    await Promise.all(clients.map((client) => client.roundTrip()));
    prepared.resolve();
    await Promise.all(clients.map((client) => client.roundTrip()));
    server.close();
    expect(handled).toBe(0);
  });
});

test("8 writers in 2 processes × 500 updates of one Redis session: 4,000 of 4,000 are applied", async () => {
  const prefix = newPrefix();
  const servers = await Promise.all(
    runtimeNames.map((runtime) => startApplication(redis.port, prefix, runtime)),
  );
  const first = await connect(servers[0]!);
  const { id, token } = await nextOf(first, "open");
  const others = await Promise.all(
    Array.from({ length: 7 }, (_, index) => connect(servers[(index + 1) % 2]!, `/?token=${token}`)),
  );
  const writers = [first, ...others];
  for (const writer of writers) writer.send(JSON.stringify({ do: "update", times: 500 }));
  await Promise.all(writers.map((writer) => nextOf(writer, "done")));
  const sessions = createSessions<{ n: number }>({
    store: openStore("redis", redis.port, { prefix }),
  });
  const session = await sessions.get(id);
  await sessions.close();
  expect(session?.data.n).toBe(4_000);
});

describe("destroy, then a late patch, set, update, touch, refresh and resume", () => {
  test.each(combinations)(
    "$runtime, $store: all are refused, and nothing comes back",
    async ({ runtime, store }) => {
      const opened = new Journal<Connection<{ n: number }, unknown, never>>();
      const sessions = createSessions({
        store: openStore(store, redis.port),
        // A session of the in-connection store has none: nothing could bring it back.
        token: store === "in-connection" ? undefined : queryToken(),
        initial: () => ({ n: 0 }),
      });
      const server = await serve(runtime, sessions, { open: (connection) => opened.note(connection) });
      const client = await connect(server);
      await opened.until(1);
      const [{ session, token } = expect.unreachable()] = opened.entries;
      expect(await sessions.destroy(session.id, "over")).toMatchObject({ destroyed: 1, closed: 1 });
      expect(await client.closed).toEqual({ code: 4410, reason: "over" });
      const gone = ["SESSION_GONE", "not-applied"];
      expect(await session.patch({ n: 1 }).catch(codeOf)).toEqual(gone);
      expect(await session.set({ n: 1 }).catch(codeOf)).toEqual(gone);
      expect(await session.update(({ n }) => ({ n: n + 1 })).catch(codeOf)).toEqual(gone);
      expect(await session.touch().catch(codeOf)).toEqual(gone);
      expect(await session.refresh().catch(codeOf)).toEqual(gone);
      await connect(server, `/?token=${token}`);
      await opened.until(2);
      expect(opened.entries[1]).toMatchObject({ resumed: false });
      expect(opened.entries[1]?.session.id).not.toBe(session.id);
      expect(await sessions.get(session.id)).toBeUndefined();
    },
  );

  test("redis: the tombstone lives much longer than the longest deadline of a write", async () => {
    const prefix = newPrefix();
    const client = redisClient(redis.port);
    const sessions = createSessions<{ n: number }>({
      store: redisStore({ client, prefix, timeoutMs: 3_000 }),
    });
    const { session } = await sessions.create({ n: 0 });
    const keys = await client.keys(`${prefix}:s:*`);
    expect(keys).toHaveLength(1);
    await session.destroy();
    expect(await client.pttl(keys[0]!)).toBeGreaterThan(7 * 3_000);
    await sessions.close();
  });
});

describe("conn.session.data costs no I/O", () => {
  test.each(runtimeNames)("%s: a handler that only reads makes no Redis command", async (runtime) => {
    const handled = new Journal<number>();
    // Leases are renewed in the background, now and then: not while this counts.
    const store = openStore("redis", redis.port, { leaseMs: 600_000, sweepMs: 600_000 });
    const sessions = createSessions({ store, initial: () => ({ n: 7, list: [1] }) });
    const server = await serve(runtime, sessions, {
      message: (connection) => handled.note(connection.session.data.n + connection.session.data.list.length),
    });
    const client = await connect(server);
    await until(() => sessions.connections.size === 1);
    await client.roundTrip();
    const counter = redisClient(redis.port);
    const commands = async () => {
      const stats = await counter.info("commandstats");
      const lines = stats
        .split("\r\n")
        .filter((line) => /^cmdstat_(?!info|ping|hello|client|time)/.test(line));
      return lines
        .map((line) => /calls=(\d+)/.exec(line)?.[1])
        .reduce((sum, calls) => sum + Number(calls), 0);
    };
    const before = await commands();
    for (let sent = 0; sent < 1_000; sent += 1) client.send("read");
    await handled.until(1_000);
    expect(await commands()).toBe(before);
    expect(new Set(handled.entries)).toEqual(new Set([8]));
  });
});
