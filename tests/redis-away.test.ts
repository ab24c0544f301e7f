import { Journal, RawClient } from "@wsession/conformance";
import { createSessions, isSessionError, queryToken } from "@wsession/core";
import type { Connection, SessionsOptions } from "@wsession/core";
import { redisStore } from "@wsession/store-redis";
import { describe, expect, onTestFinished, test } from "vitest";
import { connected } from "../packages/store-redis/test/processes.ts";
import { startRedis } from "../packages/store-redis/test/redis-server.ts";
import type { RedisServer } from "../packages/store-redis/test/redis-server.ts";
import { connect, runtimeNames, serve } from "./runtimes.ts";
import { newPrefix, openStore, redisClient } from "./stores.ts";

type Data = { readonly n: number };
type Conn = Connection<Data, unknown, never>;

const failureOf = (error: unknown): unknown => (isSessionError(error) ? [error.code, error.outcome] : error);

/** Ignores only the errors of an outage, so that a loop that waits for Redis can't hide another failure. */
function onlyUnavailable(error: unknown): undefined {
  if (!isSessionError(error, "STORE_UNAVAILABLE")) throw error;
}

/** A server that keeps acknowledged writes over a restart. */
async function startDurableRedis(): Promise<RedisServer> {
  const server = await startRedis(["--appendonly", "yes", "--appendfsync", "always"]);
  onTestFinished(() => server.stop());
  return server;
}

async function statusOf({ port }: { readonly port: number }, path = "/"): Promise<number> {
  const client = new RawClient(port);
  onTestFinished(() => client.destroy());
  client.upgrade({ path });
  return (await client.response).status;
}

/** The reports of `onError`, as "stage CODE". */
function reports(): {
  readonly reported: Journal<string>;
  readonly onError: SessionsOptions<Data>["onError"];
} {
  const reported = new Journal<string>();
  return {
    reported,
    onError: (error, { stage }) =>
      reported.note(`${stage} ${isSessionError(error) ? error.code : String(error)}`),
  };
}

const store = (redis: RedisServer, prefix = newPrefix()) =>
  redisStore({ client: redisClient(redis.port), prefix, timeoutMs: 2_500, leaseMs: 1_000, sweepMs: 500 });

describe.each(runtimeNames)("%s", (runtime) => {
  test("if Redis is unavailable at start, newcomers get 503, the process keeps running, and works once Redis is available", async () => {
    const redis = await startDurableRedis();
    await redis.kill();
    const errors = new Journal<unknown>();
    const sessions = createSessions({
      store: store(redis),
      initial: () => ({ n: 0 }),
      onError: (error) => errors.note(failureOf(error)),
    });
    const server = await serve(runtime, sessions, {
      message: (connection, text) => void connection.send(text),
    });
    expect(await statusOf(server)).toBe(503);
    expect(errors.entries).toContainEqual(["STORE_UNAVAILABLE", "not-applied"]);
    await redis.restart();
    let status = 0;
    while (status !== 101) status = await statusOf(server);
    const client = await connect(server);
    client.send("hello");
    expect(await client.next()).toBe("hello");
  });

  test("I11 while Redis is unavailable, open connections stay and read, writes reject, newcomers get 503 or 4503; afterwards all works", async () => {
    const redis = await startDurableRedis();
    const opened = new Journal<Conn>();
    const shared = store(redis);
    const [here, there] = [reports(), reports()];
    const sessions = createSessions({ store: shared, initial: () => ({ n: 7 }), onError: here.onError });
    const server = await serve(runtime, sessions, {
      open: (connection) => opened.note(connection),
      message: (connection) => void connection.send(`${connection.session.data.n}`),
    });
    const later = createSessions<Data>({ store: store(redis), onError: there.onError });
    const openServer = await serve(runtime, later, {
      async open(connection) {
        await connection.setSession({ n: 1 });
      },
    });
    await connected({ store: shared });
    const client = await connect(server);
    await opened.until(1);
    const [{ session } = expect.unreachable()] = opened.entries;
    await session.patch({ n: 8 });
    await redis.kill();

    client.send("read");
    expect(await client.next()).toBe("8");
    const started = performance.now();
    const writes = [session.patch({ n: 9 }), session.update(({ n }) => ({ n: n + 1 })), session.touch()];
    for (const failure of await Promise.all<unknown>(writes.map((write) => write.catch(failureOf)))) {
      expect(failure).toEqual(["STORE_UNAVAILABLE", expect.stringMatching(/^(not-applied|unknown)$/)]);
    }
    expect(performance.now() - started).toBeLessThan(15_000);
    expect(session.data.n).toBe(8);
    expect(await statusOf(server)).toBe(503);
    expect((await (await connect(openServer)).closed).code).toBe(4503);
    expect(new Set(here.reported.entries)).toEqual(new Set(["store STORE_UNAVAILABLE"]));
    expect(there.reported.entries).toContain("open STORE_UNAVAILABLE");
    await client.roundTrip();

    await redis.restart();
    let written: unknown = "not yet";
    while (written !== undefined)
      written = await session.patch({ n: 10 }).catch((error: unknown) => onlyUnavailable(error) ?? "again");
    expect(await session.refresh()).toEqual({ n: 10 });
    client.send("read");
    expect(await client.next()).toBe("10");
    // A newcomer also needs the subscription, which is confirmed a little later.
    while ((await statusOf(server)) !== 101) expect(sessions.connections.size).toBe(1);
  });

  test("I10 I11 if Redis stops answering, a write's outcome is unknown at its deadline, and it is applied once or never", async () => {
    const redis = await startDurableRedis();
    const opened = new Journal<Conn>();
    const { reported, onError } = reports();
    const own = store(redis);
    const sessions = createSessions({ store: own, initial: () => ({ n: 0 }), onError });
    const server = await serve(runtime, sessions, { open: (connection) => opened.note(connection) });
    await connected({ store: own });
    const client = await connect(server);
    await opened.until(1);
    const [{ session } = expect.unreachable()] = opened.entries;
    redis.pause();
    const failure = await session.update(({ n }) => ({ n: n + 1 })).catch(failureOf);
    expect(failure).toEqual(["STORE_UNAVAILABLE", "unknown"]);
    redis.continue();
    let data: unknown;
    while (data === undefined) data = await session.refresh().catch(onlyUnavailable);
    expect([{ n: 0 }, { n: 1 }]).toContainEqual(data);
    await session.update(({ n }) => ({ n: n + 10 }));
    expect([10, 11]).toContain((await session.refresh()).n);
    // The sweep and the lease fail meanwhile, or not yet.
    expect(["", "store STORE_UNAVAILABLE"]).toContain([...new Set(reported.entries)].join());
    await client.roundTrip();
  });

  test("I9 the connections of a session that was destroyed while this process had no Redis are closed when Redis is back", async () => {
    const redis = await startDurableRedis();
    const prefix = newPrefix();
    const opened = new Journal<Conn>();
    const { reported, onError } = reports();
    const own = store(redis, prefix);
    const sessions = createSessions({ store: own, initial: () => ({ n: 0 }), onError });
    const server = await serve(runtime, sessions, { open: (connection) => opened.note(connection) });
    await connected({ store: own });
    const client = await connect(server);
    await opened.until(1);
    const id = opened.entries[0]?.session.id ?? "";
    // The subscription is gone, so the announcement is lost.
    const admin = redisClient(redis.port);
    const other = createSessions<Data>({
      store: openStore("redis", redis.port, { prefix, confirmMs: 50 }),
    });
    await admin.call("client", "kill", "type", "pubsub");
    await other.destroy(id, "while away");
    expect((await client.closed).code).toBe(4410);
    expect(["", "store STORE_UNAVAILABLE"]).toContain([...new Set(reported.entries)].join());
    await other.close();
  });
});

describe("a stored value that can't be parsed", () => {
  const corrupt = async (options: Pick<SessionsOptions<Data>, "onCorruptRecord">) => {
    const redis = await startDurableRedis();
    const prefix = newPrefix();
    const errors = new Journal<unknown>();
    const resumed = new Journal<boolean>();
    const sessions = createSessions<Data>({
      store: openStore("redis", redis.port, { prefix }),
      token: queryToken(),
      initial: () => ({ n: 0 }),
      onError: (error) => errors.note(isSessionError(error) ? error.code : error),
      ...options,
    });
    const server = await serve("ws", sessions, { open: (connection) => resumed.note(connection.resumed) });
    const client = redisClient(redis.port);
    const { session, token } = await sessions.create({ n: 1 });
    const [key = ""] = await client.keys(`${prefix}:s:*`);
    await client.hset(key, "d:n", "{not json");
    return { sessions, server, client, id: session.id, token, key, errors, resumed };
  };

  test("rejects a read with CORRUPT_RECORD, refuses a resume with 503, and stays unchanged", async () => {
    const { sessions, server, client, id, token, key, errors } = await corrupt({});
    expect(await sessions.get(id).catch(failureOf)).toEqual(expect.arrayContaining(["CORRUPT_RECORD"]));
    expect(await statusOf(server, `/?token=${token}`)).toBe(503);
    expect(errors.entries).toEqual(["CORRUPT_RECORD"]);
    expect(await client.hget(key, "d:n")).toBe("{not json");
  });

  test('leads to a new session for the client with onCorruptRecord: "fresh", and stays unchanged', async () => {
    const { server, client, token, key, errors, resumed } = await corrupt({ onCorruptRecord: "fresh" });
    expect(await statusOf(server, `/?token=${token}`)).toBe(101);
    await resumed.until(1);
    expect(resumed.entries).toEqual([false]);
    expect(errors.entries).toEqual(["CORRUPT_RECORD"]);
    expect(await client.hget(key, "d:n")).toBe("{not json");
  });
});
