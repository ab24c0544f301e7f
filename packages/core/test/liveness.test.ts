import { setImmediate } from "node:timers";
import { createSessions, mapStore } from "@wsession/core";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { aHandshake } from "./handshakes.ts";
import { serveInMemory, sharedStore } from "./memory-runtime.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** Turns of the real event loop. Timers are faked; immediates, which run after sockets are read, are not. */
const turns = async () => {
  for (let turn = 0; turn < 5; turn += 1) await vi.advanceTimersByTimeAsync(0);
};

describe("a message keeps the session alive", () => {
  test.each([1, 10, 100, 1_000])("%d ms before the idle deadline (fault C6)", async (before) => {
    const idleMs = 60_000;
    const sessions = createSessions({ store: sharedStore(), idleMs, initial: () => ({ n: 0 }) });
    const { socket, receive } = await serveInMemory(sessions).connect();
    await vi.advanceTimersByTimeAsync(idleMs - before);
    receive("still here");
    await vi.advanceTimersByTimeAsync(idleMs - 10);
    expect(socket.closedWith).toBeUndefined();
    await vi.advanceTimersByTimeAsync(20);
    expect(socket.closedWith?.code).toBe(4419);
  });

  test("with a store whose sessions end with their connections, too (fault C6)", async () => {
    const sessions = createSessions({ idleMs: 1_000, initial: () => ({ n: 0 }) });
    const { socket, receive } = await serveInMemory(sessions).connect();
    await vi.advanceTimersByTimeAsync(990);
    receive("still here");
    await vi.advanceTimersByTimeAsync(980);
    expect(socket.closedWith).toBeUndefined();
  });

  test("although the first touch for it failed (fault C5)", async () => {
    const inner = sharedStore();
    let fail = false;
    const store = {
      ...inner,
      touch(id: string, idleMs: number, absoluteMs?: number) {
        if (fail) throw new Error("the store is away");
        return inner.touch(id, idleMs, absoluteMs);
      },
    };
    const errors: unknown[] = [];
    const onError = (error: unknown) => void errors.push(error);
    const sessions = createSessions({ store, idleMs: 3_000, initial: () => ({ n: 0 }), onError });
    const { socket, receive } = await serveInMemory(sessions).connect();
    await vi.advanceTimersByTimeAsync(1_500);
    receive("still here");
    fail = true;
    await vi.advanceTimersByTimeAsync(400);
    fail = false;
    expect(errors).toEqual([expect.objectContaining({ code: "STORE_UNAVAILABLE" })]);
    await vi.advanceTimersByTimeAsync(2_500);
    expect(socket.closedWith).toBeUndefined();
    await vi.advanceTimersByTimeAsync(1_000);
    expect(socket.closedWith?.code).toBe(4419);
  });

  test("although its connection ends before the next check of the deadline", async () => {
    const store = mapStore();
    const sessions = createSessions({ store, idleMs: 10_000, initial: () => ({ n: 0 }) });
    const { socket, connection, receive } = await serveInMemory(sessions).connect();
    await vi.advanceTimersByTimeAsync(900);
    receive("goodbye");
    socket.connection?.ended(1000, "");
    await vi.advanceTimersByTimeAsync(9_500);
    expect(await sessions.get(connection.session.id)).toBeDefined();
    await vi.advanceTimersByTimeAsync(600);
    expect(await sessions.get(connection.session.id)).toBeUndefined();
  });

  test("also if the store answers slowly: the deadline in this process is not later than the store's", async () => {
    const inner = sharedStore();
    const store = {
      ...inner,
      async touch(id: string, idleMs: number, absoluteMs?: number) {
        const touched = await inner.touch(id, idleMs, absoluteMs);
        await new Promise((resolve) => setTimeout(resolve, 900));
        return touched;
      },
    };
    const sessions = createSessions({ store, idleMs: 2_000, initial: () => ({ n: 0 }) });
    const { socket, receive } = await serveInMemory(sessions).connect();
    receive("first");
    await vi.advanceTimersByTimeAsync(200);
    // The touch was sent at 200 and answered at 1,100. So the session expires at 2,200.
    await vi.advanceTimersByTimeAsync(1_900);
    receive("second");
    await vi.advanceTimersByTimeAsync(1_800);
    expect(socket.closedWith).toBeUndefined();
  });
});

describe("after this process was suspended", () => {
  /** Runs the timers that became due meanwhile, and then delivers the data of the sockets. */
  const standStill = (ms: number) => {
    const now = performance.now.bind(performance);
    const late = vi.spyOn(performance, "now").mockImplementation(() => now() + ms);
    return () => late.mockRestore();
  };

  test("a heartbeat waits for pending socket data to be read, because timers run before sockets are read (fault C1)", async () => {
    const sessions = createSessions({ heartbeatMs: 1_000, initial: () => ({ n: 0 }) });
    const { socket } = await serveInMemory(sessions).connect();
    vi.advanceTimersByTime(1_000);
    expect(socket.calls).toEqual([]);
    await new Promise((resolve) => setImmediate(resolve));
    expect(socket.calls).toEqual(["heartbeat"]);
  });

  test("a login that waits unread in the socket is in time for early.timeoutMs", async () => {
    const sessions = createSessions<{ n: number }>({ gate: "open", early: { timeoutMs: 1_000 } });
    const server = serveInMemory(sessions, {
      message: (connection) => connection.setSession({ n: 1 }),
    });
    const { socket, receive } = await server.connect();
    await vi.advanceTimersByTimeAsync(500);
    standStill(5_000);
    await vi.advanceTimersByTimeAsync(500);
    receive("log in");
    await turns();
    expect(socket.closedWith).toBeUndefined();
    expect(sessions.of(socket)?.session?.data).toEqual({ n: 1 });
    await vi.advanceTimersByTimeAsync(5_000);
    expect(socket.closedWith).toBeUndefined();
  });

  test("an answer that waits unread is in time for handshakeTimeoutMs", async () => {
    let answer: (() => void) | undefined;
    const sessions = createSessions({
      handshakeTimeoutMs: 1_000,
      initial: () => new Promise<{ n: number }>((resolve) => (answer = () => resolve({ n: 1 }))),
    });
    const admitted = serveInMemory(sessions).binding.admit(aHandshake(), undefined);
    await vi.advanceTimersByTimeAsync(500);
    standStill(5_000);
    await vi.advanceTimersByTimeAsync(500);
    answer?.();
    expect(await admitted).toMatchObject({ type: "accept" });
  });

  test("a client that stays silent is closed with 4408 after one more period of early.timeoutMs, at most", async () => {
    const sessions = createSessions<{ n: number }>({ early: { timeoutMs: 1_000 } });
    const { socket } = await serveInMemory(sessions).connect();
    await vi.advanceTimersByTimeAsync(500);
    const end = standStill(5_000);
    await vi.advanceTimersByTimeAsync(500);
    end();
    await vi.advanceTimersByTimeAsync(7_000);
    expect(socket.closedWith?.code).toBe(4408);
  });
});
