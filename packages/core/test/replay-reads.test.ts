import { createSessions, mapStore, queryToken } from "@wsession/core";
import type { ReadRequest, ReadResult, SessionsOptions, SessionStore } from "@wsession/core";
import { DECOY_SUBPROTOCOL, SUBPROTOCOL, writeClientControl } from "@wsession/protocol";
import { expect, onTestFinished, test, vi } from "vitest";
import { serveInMemory } from "./memory-runtime.ts";

type Data = { readonly n: number };

/** The slots of a process: see page-slots.ts. */
const SLOTS = 64;
const CLIENT = "client-of-16-chr";

/** A store whose reads of kept messages wait until the test answers them. */
function slowReads() {
  const inner: SessionStore = mapStore();
  const waiting: { answer(): void; fail(error: unknown): void }[] = [];
  const observed = { reads: 0 };
  let isSlow = false;
  const read = inner.read?.bind(inner);
  const store = Object.assign(inner, {
    read: async (request: ReadRequest): Promise<ReadResult> => {
      observed.reads += 1;
      const result = (await read?.(request)) ?? expect.fail("no read");
      if (isSlow)
        await new Promise<void>((resolve, reject) => waiting.push({ answer: resolve, fail: reject }));
      return result;
    },
  });
  const hang = () => void (isSlow = true);
  const go = () => {
    isSlow = false;
    for (const { answer } of waiting.splice(0)) answer();
  };
  onTestFinished(go);
  return { store, observed, hang, go, waiting };
}

function serve(options: Partial<SessionsOptions<Data>> & Pick<SessionsOptions<Data>, "store">) {
  const reports: unknown[] = [];
  const sessions = createSessions<Data>({
    token: queryToken(),
    initial: () => ({ n: 0 }),
    onError: (error) => reports.push(error),
    ...options,
  });
  const server = serveInMemory(sessions);
  const protocols = [DECOY_SUBPROTOCOL, SUBPROTOCOL];
  /** A client whose attach says that it has read nothing of its session. */
  const comeBack = async (
    token: string,
    session: string,
    parts: { at?: { offset: number; chain: number } } = {},
  ) => {
    const client = await server.connect({ url: `/?token=${token}`, protocols });
    client.receive(
      writeClientControl({
        type: "attach",
        client: CLIENT,
        session,
        from: 1,
        known: 0,
        mark: 0,
        at: parts.at ?? { offset: 0, chain: 0 },
        witness: undefined,
        fresh: false,
      }),
    );
    return client;
  };
  return { sessions, comeBack, reports };
}

/** Lets the replies of the store arrive. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => void setImmediate(resolve));
}

test("fault B: a client that leaves while its replay waits for the budget causes no read, and its close handler runs at once", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
  onTestFinished(() => void vi.useRealTimers());
  const { store, observed } = slowReads();
  const { sessions, comeBack } = serve({ store, outbox: { maxBytes: 1_000 } });
  const { session, token } = await sessions.create({ n: 1 });
  await session.send("x".repeat(900));
  for (let visits = 0; visits < 5; visits += 1) {
    const { socket } = await comeBack(token, session.id);
    await settled();
    expect(socket.sent.length).toBe(2);
    socket.connection?.ended(1001, "");
  }
  const before = observed.reads;
  const { socket } = await comeBack(token, session.id);
  await settled();
  expect([observed.reads, socket.sent]).toEqual([before, []]);
  const timers = vi.getTimerCount();
  socket.connection?.ended(1001, "");
  await settled();
  expect(vi.getTimerCount()).toBeLessThan(timers);
  await vi.advanceTimersByTimeAsync(60_000);
  await settled();
  expect([observed.reads, socket.sent]).toEqual([before, []]);
  await sessions.close();
});

test("fault B: a client that leaves while its replay waits for a slot causes no read", async () => {
  const { store, observed, hang, go } = slowReads();
  const { sessions, comeBack } = serve({ store });
  const { session, token } = await sessions.create({ n: 1 });
  await session.send("m");
  hang();
  for (let reads = 0; reads < SLOTS; reads += 1) await comeBack(token, session.id);
  const { socket } = await comeBack(token, session.id);
  const stays = await comeBack(token, session.id);
  await settled();
  expect(observed.reads).toBe(SLOTS);
  socket.connection?.ended(1001, "");
  go();
  await settled();
  expect(observed.reads).toBe(SLOTS + 1);
  expect(stays.socket.sent.length).toBe(2);
  expect(socket.sent).toEqual([]);
  await sessions.close();
});

test("fault B3: while the store hangs, all clients that wait for kept messages get 4503 within one time limit, and one report", async () => {
  const { store, observed, hang, go } = slowReads();
  const { sessions, comeBack, reports } = serve({ store, handshakeTimeoutMs: 300 });
  const { session, token } = await sessions.create({ n: 1 });
  await session.send("m");
  hang();
  const crowd: Awaited<ReturnType<typeof comeBack>>[] = [];
  for (let clients = 0; clients < 3 * SLOTS; clients += 1) crowd.push(await comeBack(token, session.id));
  // No read is answered, so a client that waited for another one's slot would wait for ever.
  await vi.waitUntil(() => crowd.every(({ socket }) => socket.closedWith !== undefined), { timeout: 10_000 });
  expect(new Set(crowd.map(({ socket }) => socket.closedWith?.code))).toEqual(new Set([4503]));
  expect(observed.reads).toBe(SLOTS);
  expect(reports).toMatchObject([{ code: "STORE_UNAVAILABLE" }]);
  go();
  await settled();
  // The slots are free again.
  const late = await comeBack(token, session.id);
  await settled();
  expect(late.socket.sent.length).toBe(2);
  expect(observed.reads).toBe(SLOTS + 1);
  await sessions.close();
});

test("fault F: a failed read for an ack is not reported if the client has left", async () => {
  const { store, hang, waiting } = slowReads();
  const { sessions, comeBack, reports } = serve({ store, outbox: { whenFull: "refuse" } });
  const { session, token } = await sessions.create({ n: 1 });
  await session.send("m");
  const { receive, socket } = await comeBack(token, session.id);
  await settled();
  hang();
  receive(writeClientControl({ type: "read", offset: 1 }));
  await settled();
  expect(waiting.length).toBe(1);
  socket.connection?.ended(1001, "");
  waiting.shift()?.fail(new Error("away"));
  await settled();
  expect(reports).toEqual([]);
  await sessions.close();
});
