import { setTimeout as wait } from "node:timers/promises";
import { createSessions } from "@wsession/core";
import type { Session } from "@wsession/core";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { serveInMemory, sharedStore } from "./memory-runtime.ts";

type Data = { readonly n: number };

test("I4 the close handler gets the code and reason of this side, whatever the peer answers; later messages are not counted as discarded", async () => {
  const sessions = createSessions<Data>({ initial: () => ({ n: 0 }) });
  let ended: unknown;
  const server = serveInMemory(sessions, { close: (_, event) => (ended = event) });
  const { connection, socket, receive } = await server.connect();
  connection.close(4001, "mine");
  receive("late");
  socket.connection?.ended(1005, "the peer's");
  await expect.poll(() => ended).toEqual({ code: 4001, reason: "mine", by: "server" });
  expect(sessions.diagnostics.messagesDiscarded).toBe(0);
});

test("I14 early.timeoutMs does not close a connection whose session is set in time, also after open has settled", async () => {
  const sessions = createSessions<Data>({ early: { timeoutMs: 300 } });
  const { connection, socket } = await serveInMemory(sessions).connect();
  await connection.setSession({ n: 0 });
  await wait(500);
  expect(socket.closedWith).toBeUndefined();
});

describe("fault D: a session that the store no longer has, without an announcement of the cause,", () => {
  const LIFE_MS = 600_000;
  const NEAR_MS = 500;
  const calls: Readonly<Record<string, (session: Session<Data>) => Promise<unknown>>> = {
    touch: (session) => session.touch(),
    extend: (session) => session.extend(),
    refresh: (session) => session.refresh(),
    update: (session) => session.update(({ n }) => ({ n: n + 1 })),
    identify: (session) => session.identify("ada"),
    rotate: (session) => session.rotate(),
  };

  async function open() {
    vi.useFakeTimers();
    onTestFinished(() => void vi.useRealTimers());
    const store = sharedStore();
    const options = { idleMs: LIFE_MS / 2, absoluteMs: LIFE_MS, initial: (): Data => ({ n: 0 }) };
    const sessions = createSessions<Data>({ store, ...options });
    const { connection, socket, receive } = await serveInMemory(sessions).connect();
    const end = () => store.behindTheBack.destroy(connection.session.id, undefined, false);
    return { session: connection.session, socket, receive, end };
  }

  test.each(Object.entries(calls))(
    "closes with 4410 if %s finds this long before a deadline",
    async (_, call) => {
      const { session, socket, end } = await open();
      void end();
      await expect(call(session)).rejects.toMatchObject({ code: "SESSION_GONE" });
      expect(socket.closedWith).toEqual({ code: 4410, reason: "session gone" });
    },
  );

  test("closes with 4410 if the touch for a message finds this long before a deadline", async () => {
    const { socket, receive, end } = await open();
    void end();
    receive("hello");
    await vi.advanceTimersByTimeAsync(LIFE_MS / 10);
    expect(socket.closedWith).toEqual({ code: 4410, reason: "session gone" });
  });

  test.each(Object.entries(calls))("closes with 4419 if %s finds this at a deadline", async (_, call) => {
    const { session, socket, receive, end } = await open();
    for (let minute = 0; minute < 10; minute += 1) {
      receive("still here");
      await vi.advanceTimersByTimeAsync(minute === 9 ? 60_000 - NEAR_MS : 60_000);
    }
    void end();
    await expect(call(session)).rejects.toMatchObject({ code: "SESSION_GONE" });
    expect(socket.closedWith).toEqual({ code: 4419, reason: "session expired" });
  });
});
