import { deferred } from "@wsession/conformance";
import { createSessions, mapStore } from "@wsession/core";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { aHandshake } from "./handshakes.ts";
import { serveInMemory, sharedStore } from "./memory-runtime.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const MINUTE = 60_000;

describe("a live session", () => {
  test("is kept alive by its client's messages, with a few touches and not one for each message", async () => {
    const store = sharedStore();
    const sessions = createSessions({ store, idleMs: MINUTE, initial: () => ({ n: 0 }) });
    const { socket, receive } = await serveInMemory(sessions).connect();
    for (let second = 0; second < 300; second += 1) {
      receive("still here");
      await vi.advanceTimersByTimeAsync(1_000);
    }
    expect(socket.closedWith).toBeUndefined();
    const touches = store.calls.filter((call) => call === "touch");
    expect(touches.length).toBeGreaterThanOrEqual(5);
    expect(touches.length).toBeLessThanOrEqual(60);
  });

  test("ends with 4419 when its client sends nothing for idleMs, and not before", async () => {
    const sessions = createSessions({ store: sharedStore(), idleMs: MINUTE, initial: () => ({ n: 0 }) });
    const { socket } = await serveInMemory(sessions).connect();
    await vi.advanceTimersByTimeAsync(MINUTE - 1);
    expect(socket.closedWith).toBeUndefined();
    await vi.advanceTimersByTimeAsync(10);
    expect(socket.closedWith).toEqual({ code: 4419, reason: "session expired" });
  });

  test("stays alive when another process touched it", async () => {
    const store = sharedStore();
    const sessions = createSessions({ store, idleMs: MINUTE, initial: () => ({ n: 0 }) });
    const { socket, connection } = await serveInMemory(sessions).connect();
    await vi.advanceTimersByTimeAsync(50_000);
    void store.behindTheBack.touch(connection.session.id, MINUTE);
    await vi.advanceTimersByTimeAsync(50_000);
    expect(socket.closedWith).toBeUndefined();
    await vi.advanceTimersByTimeAsync(20_000);
    expect(socket.closedWith?.code).toBe(4419);
  });

  test("needs no timer without deadlines", async () => {
    const sessions = createSessions({ heartbeatMs: 0, initial: () => ({ n: 0 }) });
    await serveInMemory(sessions).connect();
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe("the absolute deadline", () => {
  test("is announced once, expiringMs before, and ends the session although its client sends messages", async () => {
    const reported: number[] = [];
    const sessions = createSessions({
      store: mapStore(),
      absoluteMs: 10 * MINUTE,
      initial: () => ({ n: 0 }),
    });
    const server = serveInMemory(sessions, { expiring: (_, remainingMs) => void reported.push(remainingMs) });
    const { socket, receive } = await server.connect();
    for (let minute = 0; minute < 11; minute += 1) {
      receive("x");
      await vi.advanceTimersByTimeAsync(MINUTE);
    }
    expect(reported).toHaveLength(1);
    expect(reported[0]).toBeGreaterThan(MINUTE - 1_000);
    expect(reported[0]).toBeLessThanOrEqual(MINUTE);
    expect(socket.closedWith?.code).toBe(4419);
  });

  test("is not announced if there is none, also with expiringMs: Infinity", async () => {
    const reported: unknown[][] = [];
    const sessions = createSessions({
      store: mapStore(),
      idleMs: 10 * MINUTE,
      absoluteMs: Infinity,
      expiringMs: Infinity,
      initial: () => ({ n: 0 }),
    });
    const server = serveInMemory(sessions, { expiring: (_, ...rest) => void reported.push(rest) });
    const { socket } = await server.connect();
    await vi.advanceTimersByTimeAsync(9 * MINUTE);
    expect(reported).toEqual([[expect.any(Number), "idle"]]);
    expect(socket.closedWith).toBeUndefined();
    await vi.advanceTimersByTimeAsync(2 * MINUTE);
    expect(socket.closedWith?.code).toBe(4419);
  });

  test("moves with extend, and is announced again", async () => {
    let reported = 0;
    const sessions = createSessions({ store: mapStore(), absoluteMs: 5 * MINUTE, initial: () => ({ n: 0 }) });
    const server = serveInMemory(sessions, {
      async expiring(connection) {
        reported += 1;
        if (reported < 3) await connection.session.extend();
      },
    });
    const { socket } = await server.connect();
    await vi.advanceTimersByTimeAsync(11.5 * MINUTE);
    expect(reported).toBe(2);
    expect(socket.closedWith).toBeUndefined();
    await vi.advanceTimersByTimeAsync(1.5 * MINUTE + 1_000);
    expect(reported).toBe(3);
    expect(socket.closedWith?.code).toBe(4419);
  });
});

describe("a store that is unavailable when the deadline of a live session is checked", () => {
  test("does not end the session: the failure is reported once (fault B3), and the check is repeated", async () => {
    let asked = 0;
    const errors: unknown[] = [];
    const store = sharedStore();
    const { load } = store;
    const sessions = createSessions({
      store,
      idleMs: MINUTE,
      initial: () => ({ n: 0 }),
      onError: (error) => errors.push(error),
    });
    const { socket } = await serveInMemory(sessions).connect();
    store.load = () => {
      asked += 1;
      return Promise.reject(new Error("away"));
    };
    await vi.advanceTimersByTimeAsync(MINUTE + 3_000);
    expect(socket.closedWith).toBeUndefined();
    expect(asked).toBeGreaterThanOrEqual(2);
    expect(errors.length).toBe(1);
    expect(errors[0]).toMatchObject({ code: "STORE_UNAVAILABLE", outcome: "unknown" });
    store.load = load;
    await vi.advanceTimersByTimeAsync(2_000);
    expect(socket.closedWith?.code).toBe(4419);
  });
});

test("ready() without a timeoutMs of its own waits for early.timeoutMs; I14 the connection ends then too", async () => {
  const sessions = createSessions<{ n: number }>({ early: { timeoutMs: 5_000 } });
  const { socket, connection } = await serveInMemory(sessions).connect();
  const waiting = connection.ready().catch((error: unknown) => error);
  await vi.advanceTimersByTimeAsync(5_000);
  expect(await waiting).toMatchObject({ name: "SessionError" });
  expect(socket.closedWith?.code).toBe(4408);
});

test("ready() throws INVALID_ARGUMENT for milliseconds as text", async () => {
  const { connection } = await serveInMemory(createSessions<{ n: number }>()).connect();
  expect(() => void connection.ready({ timeoutMs: "50" as never })).toThrow(
    expect.objectContaining({ code: "INVALID_ARGUMENT" }),
  );
});

describe("a handshake", () => {
  const handshake = aHandshake();

  test("that is not decided within handshakeTimeoutMs gets 503, and a session that is created later is destroyed", async () => {
    const store = mapStore();
    let resolve: (data: { n: number }) => void = () => undefined;
    const promise = new Promise<{ n: number }>((settle) => {
      resolve = settle;
    });
    const sessions = createSessions({ store, handshakeTimeoutMs: 5_000, initial: () => promise });
    const { binding } = serveInMemory(sessions);
    const answer = binding.admit(handshake, undefined);
    await vi.advanceTimersByTimeAsync(4_999);
    expect(sessions.diagnostics.handshakesPending).toBe(1);
    await vi.advanceTimersByTimeAsync(1);
    expect(await answer).toEqual({ type: "reject", status: 503, reason: "admission took too long" });
    expect(sessions.diagnostics.handshakesPending).toBe(0);
    resolve({ n: 0 });
    await vi.advanceTimersByTimeAsync(0);
    expect(store.size).toBe(0);
    expect(sessions.connections.size).toBe(0);
  });
});

test("fault A1: no session is created for a handshake that sessions.close() has refused, with a time limit or without", async () => {
  for (const handshakeTimeoutMs of [5_000, 0]) {
    const store = mapStore();
    const { promise, resolve } = deferred<{ n: number }>();
    const sessions = createSessions({ store, handshakeTimeoutMs, initial: () => promise });
    const answer = serveInMemory(sessions).binding.admit(aHandshake(), undefined);
    await sessions.close();
    expect(await answer).toEqual({
      type: "reject",
      status: 503,
      reason: "server restarting",
      headers: [["Retry-After", "1"]],
    });
    expect(sessions.diagnostics).toMatchObject({ handshakesPending: 0, handshakesRefused: 1 });
    resolve({ n: 0 });
    await vi.advanceTimersByTimeAsync(0);
    expect(sessions.diagnostics.sessionsCreated).toBe(0);
    expect(store.size).toBe(0);
  }
});

describe("the heartbeat", () => {
  test("an adapter that does not count silent heartbeats is refused with NOT_SUPPORTED, unless one is enough", () => {
    const bind = (heartbeatTimeoutMs: number) =>
      serveInMemory(createSessions({ heartbeatMs: 1_000, heartbeatTimeoutMs, initial: () => ({ n: 0 }) }));
    expect(() => bind(1_001)).toThrow(expect.objectContaining({ code: "NOT_SUPPORTED" }));
    expect(() => bind(1_000)).not.toThrow();
  });

  test("skips a check after a suspension of this process, because the peer's answer could not be read", async () => {
    const sessions = createSessions({ heartbeatMs: 1_000, initial: () => ({ n: 0 }) });
    const { socket } = await serveInMemory(sessions).connect();
    await vi.advanceTimersByTimeAsync(1_000);
    expect(socket.calls).toEqual(["heartbeat"]);
    const now = performance.now.bind(performance);
    const late = vi.spyOn(performance, "now").mockImplementation(() => now() + 5_000);
    await vi.advanceTimersByTimeAsync(1_000);
    late.mockRestore();
    expect(socket.calls).toEqual(["heartbeat"]);
    await vi.advanceTimersByTimeAsync(6_000);
    expect(socket.calls.length).toBeGreaterThan(1);
  });
});

describe("a socket that is paused because the inbox is full", () => {
  test("is not resumed by the time limit of an earlier pause (I3)", async () => {
    const waiting: (() => void)[] = [];
    const sessions = createSessions({
      heartbeatMs: 0,
      handlerTimeoutMs: 1_000,
      inbox: { maxMessages: 4 },
      initial: () => ({ n: 0 }),
    });
    const server = serveInMemory(sessions, {
      message: () => new Promise<void>((done) => waiting.push(done)),
    });
    const { socket, receive } = await server.connect();
    const fill = () => {
      for (let sent = 0; sent < 4; sent += 1) receive("x");
    };
    const handleAll = async () => {
      for (let handler = waiting.shift(); handler !== undefined; handler = waiting.shift()) {
        handler();
        await vi.advanceTimersByTimeAsync(0);
      }
    };
    fill();
    await handleAll();
    await vi.advanceTimersByTimeAsync(900);
    fill();
    await vi.advanceTimersByTimeAsync(900);
    expect(socket.calls).toEqual(["pause", "resume", "pause"]);
    await vi.advanceTimersByTimeAsync(100);
    expect(socket.calls).toEqual(["pause", "resume", "pause", "resume"]);
    await handleAll();
    expect(vi.getTimerCount()).toBe(0);
  });
});

test("a connection whose handler settles after its end leaves no timer (I4)", async () => {
  let settle: (() => void) | undefined;
  const closed: number[] = [];
  const sessions = createSessions({ heartbeatMs: 0, initial: () => ({ n: 0 }) });
  const server = serveInMemory(sessions, {
    message: () => new Promise<void>((done) => (settle = done)),
    close: (_, { code }) => void closed.push(code),
  });
  const { socket, receive } = await server.connect();
  receive("x");
  socket.connection?.ended(1000, "");
  await vi.advanceTimersByTimeAsync(0);
  expect(closed).toEqual([]);
  settle?.();
  await vi.advanceTimersByTimeAsync(0);
  expect(closed).toEqual([1000]);
  expect(vi.getTimerCount()).toBe(0);
});
