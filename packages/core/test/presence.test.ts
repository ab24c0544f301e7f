import {
  accept,
  createSessions,
  inConnectionStore,
  isSessionError,
  mapStore,
  queryToken,
} from "@wsession/core";
import type { PresenceEvent, SessionEvent, SessionsOptions, SessionStore } from "@wsession/core";
import { writeAttach } from "@wsession/protocol";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { type MemorySocket, serveInMemory, sharedStore } from "./memory-runtime.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const LEAVE_MS = 10_000;

/** Sessions whose subject is the path of the handshake's URL, with all their events. */
function open(store: SessionStore, options: Omit<SessionsOptions<{ n: number }>, "initial" | "schema"> = {}) {
  const events: (readonly [string, string | undefined])[] = [];
  const ids = new Set<string>();
  const noted = (type: string) => (event: SessionEvent) => {
    ids.add(event.id);
    events.push([type, event.subject]);
  };
  const sessions = createSessions({
    store,
    ...(store.capabilities.resumable && { token: queryToken() }),
    leaveAfterMs: LEAVE_MS,
    admit: ({ url }) => {
      const [subject = ""] = url.slice(1).split("?");
      return subject === "" ? accept() : accept({ subject });
    },
    events: { left: noted("left"), expired: noted("expired"), destroyed: noted("destroyed") },
    ...options,
    initial: () => ({ n: 0 }),
  });
  return { sessions, events, ids, server: serveInMemory(sessions) };
}

const leave = (socket: MemorySocket, code: number): void => socket.connection?.ended(code, "");
const pass = (ms: number): Promise<unknown> => vi.advanceTimersByTimeAsync(ms);

function watching(sessions: ReturnType<typeof open>["sessions"], ...subjects: string[]) {
  const reported: string[] = [];
  const ended = new AbortController();
  const listener = ({ subject, type }: PresenceEvent): void => void reported.push(`${subject} ${type}`);
  return { reported, ended, watched: sessions.watch(subjects, listener, { signal: ended.signal }) };
}

describe("with mapStore,", () => {
  test("a dropped connection is away, and has left after leaveAfterMs, once", async () => {
    const { sessions, events, ids, server } = open(mapStore());
    const { reported, watched } = watching(sessions, "ada", "bob");
    await watched;
    expect(reported).toEqual(["ada offline", "bob offline"]);
    const { socket, connection } = await server.connect({ url: "/ada" });
    await pass(0);
    leave(socket, 1006);
    await pass(LEAVE_MS - 1);
    expect(reported.slice(2)).toEqual(["ada online", "ada away"]);
    expect(events).toEqual([]);
    const away = await sessions.presenceOfSubject("ada");
    expect(away).toMatchObject({ type: "away", sessions: [{ id: connection.session.id, connections: 0 }] });
    expect(away.sessions[0]?.awaySince).toBe(Date.now() - LEAVE_MS + 1);
    await pass(2);
    expect(reported.slice(4)).toEqual(["ada offline"]);
    await pass(10 * LEAVE_MS);
    expect(events).toEqual([["left", "ada"]]);
    expect(ids.size).toBe(1);
  });

  test.each([Infinity, 2 ** 31])(
    "leaveAfterMs of %d, which is longer than a timer of Node, does not make a dropped connection leave at once",
    async (leaveAfterMs) => {
      const { events, server } = open(mapStore(), { leaveAfterMs });
      leave((await server.connect({ url: "/ada" })).socket, 1006);
      await pass(6 * LEAVE_MS);
      expect(events).toEqual([]);
    },
  );

  test.each([1000, 1001, 1005])("a close with %i by the peer leaves at once", async (code) => {
    const { sessions, events, server } = open(mapStore());
    const { reported, watched } = watching(sessions, "ada");
    await watched;
    leave((await server.connect({ url: "/ada" })).socket, code);
    await pass(1);
    expect(reported).toEqual(["ada offline", "ada online", "ada offline"]);
    expect(events).toEqual([["left", "ada"]]);
  });

  test("the frame bye leaves at once", async () => {
    const { events, server } = open(mapStore());
    const { receive } = await server.connect({ url: "/ada", protocols: ["v1.wsession"] });
    const client = "A".repeat(16);
    receive(writeAttach({ client, session: undefined, from: 1, known: 0, mark: 0 }));
    await pass(1);
    receive(".b");
    await pass(1);
    expect(events).toEqual([["left", "ada"]]);
  });

  test("a close by this side, and of one connection of two, does not leave", async () => {
    const { sessions, events, server } = open(mapStore());
    const first = await server.connect({ url: "/ada" });
    const token = first.connection.token ?? "";
    const second = await server.connect({ url: `/ada?token=${token}` });
    leave(first.socket, 1000);
    await pass(1);
    expect((await sessions.presenceOfSubject("ada")).type).toBe("online");
    second.connection.close(1000);
    await pass(1);
    expect((await sessions.presenceOfSubject("ada")).type).toBe("away");
    expect(events).toEqual([]);
  });

  test("100 reconnects in time cause no left event, and the subject is never offline", async () => {
    const { sessions, events, server } = open(mapStore());
    const { connection, ...first } = await server.connect({ url: "/ada" });
    let { socket } = first;
    const { since } = (await sessions.presenceOfSubject("ada")).sessions[0] ?? expect.fail();
    const { reported, watched } = watching(sessions, "ada");
    await watched;
    const { token } = connection;
    for (let n = 0; n < 100; n += 1) {
      leave(socket, 1006);
      await pass(LEAVE_MS - 1);
      ({ socket } = await server.connect({ url: `/ada?token=${token}` }));
    }
    await pass(2 * LEAVE_MS);
    expect(events).toEqual([]);
    expect(reported.includes("ada offline")).toBe(false);
    expect((await sessions.presenceOfSubject("ada")).sessions).toMatchObject([{ connections: 1, since }]);
  });

  test("a session that expires or is destroyed causes an expired or destroyed event and no left event, whether it is away or not", async () => {
    const { sessions, events, server } = open(mapStore(), { idleMs: 60_000 });
    const { reported, watched } = watching(sessions, "ada");
    await watched;
    const { socket, connection } = await server.connect({ url: "/ada" });
    leave(socket, 1006);
    await sessions.destroy(connection.session.id);
    await sessions.destroy(connection.session.id);
    await pass(2 * LEAVE_MS);
    expect(events).toEqual([["destroyed", "ada"]]);
    await server.connect({ url: "/ada" });
    await pass(61_000);
    expect(events).toEqual([
      ["destroyed", "ada"],
      ["expired", "ada"],
    ]);
    expect(reported.at(-1)).toBe("ada offline");
    await sessions.create({ n: 1 });
    await pass(60_010);
    expect(events.slice(2)).toEqual([["expired", undefined]]);
  });

  test("identify during away moves the session to its new subject, which leaves", async () => {
    const { sessions, events, server } = open(mapStore());
    const { reported, watched } = watching(sessions, "ada", "bob");
    await watched;
    const { socket, connection } = await server.connect({ url: "/ada" });
    const { id } = connection.session;
    leave(socket, 1006);
    await (await sessions.get(id))?.identify("bob");
    await pass(1);
    expect(reported.slice(2)).toEqual(["ada online", "ada away", "ada offline", "bob away"]);
    await pass(LEAVE_MS);
    expect(events).toEqual([["left", "bob"]]);
  });

  test("without leaveAfterMs and events the recording begins with the first presenceOfSubject", async () => {
    const { sessions, server } = open(mapStore(), { leaveAfterMs: undefined, events: undefined });
    const { socket } = await server.connect({ url: "/ada" });
    expect(await sessions.presenceOfSubject("ada")).toMatchObject({
      type: "online",
      sessions: [{ connections: 1, since: 0, awaySince: undefined }],
    });
    leave(socket, 1006);
    expect((await sessions.presenceOfSubject("ada")).type).toBe("away");
  });
});

test("with inConnectionStore a session is never away: it leaves, expires or is destroyed with its connection", async () => {
  const { sessions, events, server } = open(inConnectionStore(), { absoluteMs: 60_000 });
  const { reported, watched } = watching(sessions, "ada");
  await watched;
  leave((await server.connect({ url: "/ada" })).socket, 1006);
  await pass(1);
  const { connection } = await server.connect({ url: "/ada" });
  expect((await sessions.presenceOfSubject("ada")).sessions).toMatchObject([{ connections: 1 }]);
  await sessions.destroy(connection.session.id);
  await pass(1);
  await server.connect({ url: "/ada" });
  await pass(61_000);
  expect(events).toEqual([
    ["left", "ada"],
    ["destroyed", "ada"],
    ["expired", "ada"],
  ]);
  const [on, off] = ["ada online", "ada offline"];
  expect(reported).toEqual([off, on, off, on, off, on, off]);
});

test("fault A1: with inConnectionStore a session that was destroyed does not exist for further calls, also before its connection has ended", async () => {
  const { sessions, events, server } = open(inConnectionStore(), { maxSessionsPerSubject: 1 });
  const bob = await server.connect({ url: "/bob" });
  const { connection } = await server.connect({ url: "/ada" });
  const { id } = connection.session;
  const first = sessions.destroy(id);
  const second = Promise.all([sessions.destroy(id), sessions.destroySubject("ada")]);
  const identify = connection.session.identify("bob").catch((error: unknown) => error);
  expect(await sessions.get(id)).toBeUndefined();
  expect(await first).toMatchObject({ destroyed: 1, closed: 1 });
  expect(await second).toMatchObject([{ destroyed: 0 }, { destroyed: 0 }]);
  expect(await identify).toMatchObject({ code: "SESSION_GONE" });
  await pass(1);
  expect(events).toEqual([["destroyed", "ada"]]);
  expect(bob.socket.closedWith).toBeUndefined();
});

test("with inConnectionStore a session that has left is not destroyed by its close handler", async () => {
  const { sessions, events } = open(inConnectionStore());
  const server = serveInMemory(sessions, { close: async ({ session }) => void (await session.destroy()) });
  leave((await server.connect({ url: "/ada" })).socket, 1000);
  await pass(1);
  expect(events).toEqual([["left", "ada"]]);
});

test("a watch ends when its signal aborts, and at once if the signal had aborted before", async () => {
  const { sessions, server } = open(mapStore());
  const { reported, ended, watched } = watching(sessions, "ada");
  await watched;
  ended.abort();
  await server.connect({ url: "/ada" });
  await pass(1);
  expect(reported).toEqual(["ada offline"]);
  await sessions.watch(["ada"], () => expect.fail("the signal has aborted"), { signal: ended.signal });
});

test("errors of events and listeners reach onError, and the event is not repeated", async () => {
  const errors: unknown[] = [];
  const { sessions, server } = open(mapStore(), {
    events: {
      left: () => Promise.reject(new Error("left")),
    },
    onError: (error, { stage }) => void errors.push([stage, error]),
  });
  const fails = (): never => {
    throw new Error("told");
  };
  await sessions.watch(["ada"], fails, { signal: new AbortController().signal });
  leave((await server.connect({ url: "/bob" })).socket, 1000);
  await pass(LEAVE_MS * 2);
  expect(errors).toEqual([
    ["watch", new Error("told")],
    ["event", new Error("left")],
  ]);
});

test("an error of an event reaches onError although it comes after handlerTimeoutMs, when the event counts as delivered", async () => {
  const errors: unknown[] = [];
  const { server } = open(mapStore(), {
    handlerTimeoutMs: 1_000,
    events: {
      left: async () => {
        await new Promise((resolve) => setTimeout(resolve, 5_000));
        throw new Error("late");
      },
    },
    onError: (error, { stage }) => void errors.push([stage, error]),
  });
  leave((await server.connect({ url: "/bob" })).socket, 1000);
  await pass(10_000);
  expect(errors).toEqual([["event", new Error("late")]]);
});

test("the rejection of a listener reaches onError, whichever library the promise is of", async () => {
  const errors: unknown[] = [];
  const { sessions } = open(mapStore(), { onError: (error, { stage }) => void errors.push([stage, error]) });
  // oxlint-disable-next-line unicorn/no-thenable -- the promise of another library
  const rejected = { then: (_: unknown, reject: (error: unknown) => void) => reject(new Error("told")) };
  await sessions.watch(["ada"], () => rejected, { signal: new AbortController().signal });
  await pass(0);
  expect(errors).toEqual([["watch", new Error("told")]]);
});

test("a store without presence answers NOT_SUPPORTED: createSessions throws it for events, and the calls reject with it", async () => {
  const unsupported = (error: unknown): boolean => isSessionError(error, "NOT_SUPPORTED");
  expect(() => createSessions({ store: sharedStore(), events: { left: () => 1 } })).toThrow(/events/);
  const sessions = createSessions({ store: sharedStore(), leaveAfterMs: 1 });
  await expect(sessions.presenceOfSubject("ada")).rejects.toSatisfy(unsupported);
  const signal = new AbortController().signal;
  await expect(sessions.watch(["ada"], () => 1, { signal })).rejects.toSatisfy(unsupported);
});
