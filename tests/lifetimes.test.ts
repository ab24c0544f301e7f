import { accept, cookieToken, createSessions } from "@wsession/core";
import type { Lifetimes, SessionsOptions } from "@wsession/core";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { useRedisServer } from "../packages/store-redis/test/shared-servers.ts";
import { connect, runtimeNames, serve } from "./runtimes.ts";
import { newPrefix, openStore, redisClient } from "./stores.ts";

const redis = useRedisServer();
const DAY = 24 * 3_600_000;
/** A busy machine may take long until an event comes. The first sweep, after 15 seconds, would hide a lost announcement. */
const LATE_MS = 12_000;
/** The life of a session that is used until then. A busy machine may stall a call for a second. */
const ENDS_MS = 2_000;

interface Data {
  readonly n: number;
}

const cookie = cookieToken();
const cookieOf = (token: string): string => String(cookie.write(token, Infinity)[1].split(";")[0]);

/** Two processes on one Redis, with other options. */
function twoProcesses(options: readonly [SessionsOptions<Data>, SessionsOptions<Data>]) {
  const prefix = newPrefix();
  return options.map((one) => {
    const store = openStore("redis", redis.port, { prefix });
    const sessions = createSessions<Data>({ store, token: cookie, ...one });
    onTestFinished(() => sessions.close());
    return sessions;
  }) as [ReturnType<typeof createSessions<Data>>, ReturnType<typeof createSessions<Data>>];
}

/** The time is `ms` from now, apart from calls on the way and the tenth by which touches are merged. */
function expectAbout(at: number, ms: number): void {
  expect(at - Date.now()).toBeLessThanOrEqual(ms + 5);
  expect(at - Date.now()).toBeGreaterThan(ms * 0.9 - 2_000);
}

describe.each(["map", "redis"] as const)("lifetimes of one session on %s", (name) => {
  const open = (options: SessionsOptions<Data> = {}) => {
    const store = openStore(name, redis.port);
    const sessions = createSessions<Data>({ store, token: cookie, idleMs: 60_000, ...options });
    onTestFinished(() => sessions.close());
    return sessions;
  };

  test("create takes them: the earlier of absoluteMs and expiresAt counts, and get has them too", async () => {
    const sessions = open();
    const { session } = await sessions.create(
      { n: 1 },
      { subject: "ada", idleMs: 30 * DAY, absoluteMs: 90 * DAY, expiresAt: Date.now() + DAY },
    );
    expect(session.subject).toBe("ada");
    expectAbout(session.idleExpiresAt, 30 * DAY);
    expectAbout(session.expiresAt, DAY);
    const again = await sessions.get(session.id);
    expectAbout(again?.idleExpiresAt ?? 0, 30 * DAY);
    const { session: common } = await sessions.create({ n: 1 });
    expectAbout(common.idleExpiresAt, 60_000);
    expectAbout(common.expiresAt, DAY);
    const { session: endless } = await sessions.create({ n: 1 }, { idleMs: Infinity, absoluteMs: Infinity });
    expect([endless.idleExpiresAt, endless.expiresAt]).toEqual([Infinity, Infinity]);
  });

  test("extend gives them, and extend() without any moves the deadline by the session's own time", async () => {
    const { session } = await open().create({ n: 1 });
    await session.extend({ expiresAt: Date.now() + 3_600_000 });
    expectAbout(session.expiresAt, 3_600_000);
    await session.extend({ absoluteMs: 7 * DAY, idleMs: 2 * DAY });
    expectAbout(session.expiresAt, 7 * DAY);
    await session.extend({ expiresAt: Date.now() + 60_000 });
    expectAbout(session.expiresAt, 60_000);
    await session.extend();
    expectAbout(session.expiresAt, 7 * DAY);
    await session.touch();
    expectAbout(session.idleExpiresAt, 2 * DAY);
  });

  test("every call refuses an expiresAt that is past with INVALID_ARGUMENT at once", async () => {
    const sessions = open();
    const { session } = await sessions.create({ n: 1 });
    const past: Lifetimes = { expiresAt: Date.now() - 1 };
    for (const call of [
      () => accept(past),
      () => session.extend(past),
      () => sessions.create({ n: 1 }, past),
    ])
      expect(call).toThrow(expect.objectContaining({ code: "INVALID_ARGUMENT" }));
  });

  test.each(runtimeNames)(
    "accept binds a new session and one that is resumed, once, and sets its cookie again (%s)",
    async (runtime) => {
      let given: Lifetimes = {};
      const sessions = open({ admit: () => accept(given), initial: () => ({ n: 0 }) });
      const server = await serve(runtime, sessions);
      const { session, token } = await sessions.create({ n: 1 });
      const headers = { cookie: cookieOf(token) };
      const plain = await connect(server, "/", { headers });
      expect(plain.headers["set-cookie"]).toBeUndefined();
      given = { idleMs: 30 * DAY, absoluteMs: 90 * DAY };
      const remembered = await connect(server, "/", { headers });
      const [line = ""] = remembered.headers["set-cookie"] ?? [];
      expect(line).toContain(token);
      const [, maxAge] = /Max-Age=(\d+)/.exec(line) ?? [];
      expect(Number(maxAge)).toBeGreaterThan((90 * DAY) / 1_000 - 60);
      expectAbout(session.expiresAt, 90 * DAY);
      expectAbout(session.idleExpiresAt, 30 * DAY);
      const before = session.expiresAt;
      // A reconnect with the same lifetimes changes nothing, even without them, and the absolute deadline stays.
      for (given of [given, {}]) {
        const again = await connect(server, "/", { headers });
        expect(again.headers["set-cookie"]).toBeUndefined();
        expect(Math.abs(session.expiresAt - before)).toBeLessThan(10_000);
      }
      given = { absoluteMs: 60_000 };
      await connect(server);
      const fresh = [...sessions.connections].find(({ resumed }) => !resumed);
      expectAbout(fresh?.session?.expiresAt ?? 0, 60_000);
    },
  );

  test.each(runtimeNames)("a connected session ends at its own deadline with 4419 (%s)", async (runtime) => {
    let expiresAt = 0;
    const admit = () => accept({ expiresAt: (expiresAt = Date.now() + ENDS_MS) });
    const sessions = open({ admit, initial: () => ({ n: 0 }) });
    const client = await connect(await serve(runtime, sessions));
    expect((await client.closed).code).toBe(4419);
    expect(Date.now()).toBeGreaterThanOrEqual(expiresAt - 50);
  });

  test('idleFrom "disconnect": a silent session stays while it is connected, and expires after that', async () => {
    const sessions = open({ idleMs: 1_800, idleFrom: "disconnect", initial: () => ({ n: 0 }) });
    const client = await connect(await serve("ws", sessions));
    const [connection] = sessions.connections;
    const id = connection?.session?.id ?? "";
    expect(connection?.session?.idleExpiresAt).toBe(Infinity);
    await new Promise((resolve) => void setTimeout(resolve, 2_200));
    expect(sessions.connections.size).toBe(1);
    expect(await sessions.get(id)).toBeDefined();
    client.socket.close();
    await vi.waitFor(async () => expect(await sessions.get(id)).toBeUndefined(), LATE_MS);
  });

  test("expiring is called once as the idle deadline nears, and not for a session that is touched meanwhile", async () => {
    const warned: [id: string, ms: number, deadline: string][] = [];
    const sessions = open({ idleMs: 1_000, expiringMs: 60_000, initial: () => ({ n: 0 }) });
    const server = await serve("ws", sessions, {
      expiring: (connection, ms, deadline) => void warned.push([connection.session?.id ?? "", ms, deadline]),
    });
    const [silent, active] = [await connect(server), await connect(server)];
    const [one, other] = [...sessions.connections].map(({ session }) => session);
    if (one === undefined || other === undefined) throw new Error("two sessions");
    const touches = setInterval(() => void other.touch(), 60);
    onTestFinished(() => clearInterval(touches));
    expect((await silent.closed).code).toBe(4419);
    // An idle time that is not above expiringMs gives the call after half of it.
    expect(warned).toEqual([[one.id, expect.any(Number), "idle"]]);
    expect(warned[0]?.[1]).toBeLessThanOrEqual(500);
    expect(warned[0]?.[1]).toBeGreaterThan(0);
    active.socket.close();
    await active.closed;
  });
});

test("expiring is called once, although Redis answers late as the idle deadline nears", async () => {
  const warned: number[] = [];
  const store = openStore("redis", redis.port);
  const sessions = createSessions<Data>({
    store,
    token: cookie,
    idleMs: 2_000,
    expiringMs: 60_000,
    initial: () => ({ n: 0 }),
  });
  onTestFinished(() => sessions.close());
  const server = await serve("ws", sessions, { expiring: (_, ms) => void warned.push(ms) });
  const client = await connect(server);
  // The warning is due after one second, and reads the session before.
  await new Promise((resolve) => void setTimeout(resolve, 900));
  redis.pause();
  await new Promise((resolve) => void setTimeout(resolve, 600));
  redis.continue();
  expect((await client.closed).code).toBe(4419);
  expect(warned).toHaveLength(1);
});

test("accept with lifetimes on a connection whose session is set later, also with the store on connections", async () => {
  for (const name of ["in-connection", "map", "redis"] as const) {
    const store = openStore(name, redis.port);
    const admit = () => accept({ absoluteMs: ENDS_MS, idleMs: DAY });
    const sessions = createSessions<Data>({ store, admit });
    const client = await connect(await serve("ws", sessions));
    const [connection] = sessions.connections;
    const session = await connection?.setSession({ n: 1 });
    expectAbout(session?.expiresAt ?? 0, ENDS_MS);
    expectAbout(session?.idleExpiresAt ?? 0, DAY);
    await session?.extend({ idleMs: 2 * DAY });
    expectAbout(session?.idleExpiresAt ?? 0, 2 * DAY);
    expect((await client.closed).code).toBe(4419);
  }
});

test('idleFrom "disconnect" on the store on connections: a silent connection keeps its session', async () => {
  const store = openStore("in-connection", redis.port);
  const warned: string[] = [];
  const options = { idleMs: 600, idleFrom: "disconnect", initial: () => ({ n: 0 }) } as const;
  const sessions = createSessions<Data>({ store, ...options });
  onTestFinished(() => sessions.close());
  const server = await serve("ws", sessions, {
    expiring: (_connection, _ms, deadline) => void warned.push(deadline),
  });
  const client = await connect(server);
  const [connection] = sessions.connections;
  expect(connection?.session?.idleExpiresAt).toBe(Infinity);
  await new Promise((resolve) => void setTimeout(resolve, 900));
  expect([...sessions.connections]).toEqual([connection]);
  await connection?.session?.update(() => ({ n: 1 }));
  expect(connection?.session?.data).toEqual({ n: 1 });
  expect(warned).toEqual([]);
  client.socket.close();
  await vi.waitFor(() => expect(sessions.connections.size).toBe(0), LATE_MS);
});

describe("two processes with other options on one Redis", () => {
  test("keep to the session's own idle time, also a process that resumes the session without having read it", async () => {
    const admitted = { initial: () => ({ n: 0 }), idleMs: 400 };
    const [one, other] = twoProcesses([{ idleMs: DAY }, admitted]);
    const { session, token } = await one.create({ n: 1 }, { idleMs: 30 * DAY });
    const client = await connect(await serve("uws", other), "/", { headers: { cookie: cookieOf(token) } });
    client.send("activity");
    const [connection] = other.connections;
    expect(connection?.session?.id).toBe(session.id);
    await new Promise((resolve) => void setTimeout(resolve, 900));
    await connection?.session?.touch();
    expectAbout(connection?.session?.idleExpiresAt ?? 0, 30 * DAY);
    await session.refresh();
    expectAbout(session.idleExpiresAt, 30 * DAY);
  });

  test("I7 extend on one reaches the other: expiresAt is new, and expiring is called for the new deadline", async () => {
    const warned: string[] = [];
    // A warning that is late by this time would find the session expired.
    const expiringMs = 2_000;
    const options = { absoluteMs: 60_000, expiringMs, initial: () => ({ n: 0 }) };
    const [one, other] = twoProcesses([options, options]);
    const { session, token } = await one.create({ n: 1 });
    const server = await serve("ws", other, {
      expiring: (_connection, _ms, deadline) => void warned.push(deadline),
    });
    const client = await connect(server, "/", { headers: { cookie: cookieOf(token) } });
    const [connection] = other.connections;
    const there = connection?.session;
    expectAbout(there?.expiresAt ?? 0, 60_000);
    await session.extend({ absoluteMs: 7 * DAY });
    await vi.waitFor(() => expectAbout(there?.expiresAt ?? 0, 7 * DAY), LATE_MS);
    expect(warned).toEqual([]);
    await session.extend({ absoluteMs: expiringMs + 500 });
    await vi.waitFor(() => expect(warned).toEqual(["absolute"]), LATE_MS);
    expect((await client.closed).code).toBe(4419);
  });

  test('idleFrom "disconnect": the session stays while the other process has a connection, and expires after that', async () => {
    const options = { idleMs: 1_800, idleFrom: "disconnect", initial: () => ({ n: 0 }) } as const;
    const [one, other] = twoProcesses([options, options]);
    const { session, token } = await one.create({ n: 1 });
    const headers = { cookie: cookieOf(token) };
    const [first, second] = [
      await connect(await serve("ws", one), "/", { headers }),
      await connect(await serve("ws", other), "/", { headers }),
    ];
    first.socket.close();
    await first.closed;
    await new Promise((resolve) => void setTimeout(resolve, 2_200));
    expect(other.connections.size).toBe(1);
    expect(await one.get(session.id)).toBeDefined();
    second.socket.close();
    await second.closed;
    await vi.waitFor(async () => expect(await one.get(session.id)).toBeUndefined(), LATE_MS);
  });

  test("I7 a lost announcement of new lifetimes is found by the next sweep", async () => {
    const prefix = newPrefix();
    const [quiet, sweeping] = [600_000, 400].map((sweepMs) => {
      const store = openStore("redis", redis.port, { prefix, sweepMs });
      const sessions = createSessions<Data>({ store, token: cookie, initial: () => ({ n: 0 }) });
      onTestFinished(() => sessions.close());
      return sessions;
    });
    const { session, token } = (await quiet?.create({ n: 1 })) ?? {};
    if (sweeping === undefined || session === undefined || token === undefined) throw new Error("two");
    await connect(await serve("ws", sweeping), "/", { headers: { cookie: cookieOf(token) } });
    const [connection] = sweeping.connections;
    const client = redisClient(redis.port);
    // Without holders nothing is announced.
    await client.hdel(`${prefix}:s:{${session.id}}`, "h");
    await session.extend({ expiresAt: Date.now() + 7 * DAY });
    await vi.waitFor(() => expectAbout(connection?.session?.expiresAt ?? 0, 7 * DAY), LATE_MS);
  });
});
