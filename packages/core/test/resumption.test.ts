import { createSessions, isSessionError, mapStore, queryToken } from "@wsession/core";
import type { TokenCarrier } from "@wsession/core";
import { expect, onTestFinished, test, vi } from "vitest";
import { serveInMemory, sharedStore } from "./memory-runtime.ts";

async function fails(): Promise<never> {
  throw new Error("a method of a carrier failed");
}

test("a session is registered for garbage collection once, however often its client comes back", async () => {
  const watched: unknown[] = [];
  vi.stubGlobal(
    "FinalizationRegistry",
    class extends FinalizationRegistry<unknown> {
      override register(target: WeakKey, held: unknown, token?: WeakKey): void {
        watched.push(held);
        super.register(target, held, token);
      }
    },
  );
  onTestFinished(() => void vi.unstubAllGlobals());
  const sessions = createSessions({ store: mapStore(), token: queryToken(), initial: () => ({ visits: 1 }) });
  const server = serveInMemory(sessions);
  const first = await server.connect();
  const { token, session } = first.connection;
  first.connection.close();
  for (let turn = 0; turn < 10; turn += 1) {
    await new Promise((resolve) => setImmediate(resolve));
    const { connection } = await server.connect({ url: `/?token=${token}` });
    expect(connection).toMatchObject({ resumed: true, session: { id: session.id } });
    connection.close();
  }
  expect(watched).toEqual([session.id]);
});

/** A carrier of the application's own, whose header can't be written. */
const failingCarrier: TokenCarrier = {
  read: ({ url }) => new URL(url, "ws://x").searchParams.get("token") ?? undefined,
  readRenewal: ({ url }) => new URL(url, "ws://x").searchParams.get("renewal") ?? undefined,
  write() {
    throw new Error("no header today");
  },
};

test("a header of a token carrier that contains a line break is refused, as a header of the application is", async () => {
  const errors: unknown[] = [];
  const store = mapStore();
  const token: TokenCarrier = { ...failingCarrier, write: (text) => ["x-token", `${text}\r\nx-other: 1`] };
  const onError = (error: unknown): void => void errors.push(error);
  const sessions = createSessions({ store, token, initial: () => ({ visits: 1 }), onError });
  await expect(serveInMemory(sessions).connect()).rejects.toThrow("refused with 500");
  await expect.poll(() => store.size).toBe(0);
  expect(errors).toEqual([expect.objectContaining({ code: "INVALID_ARGUMENT" })]);
  expect(String(errors)).not.toMatch(/[A-Za-z0-9_-]{43}/);
});

test("a newcomer is refused if the carrier's write throws, and its session does not stay in the store", async () => {
  const errors: unknown[] = [];
  const store = mapStore();
  const sessions = createSessions({
    store,
    token: failingCarrier,
    initial: () => ({ visits: 1 }),
    onError: (error) => errors.push(error),
  });
  await expect(serveInMemory(sessions).connect()).rejects.toThrow("refused with 500");
  await expect.poll(() => store.size).toBe(0);
  expect(errors).toEqual([new Error("no header today")]);
});

test("a renewal is refused if the carrier's write throws, and the session is released", async () => {
  const store = mapStore({ maxSessions: 1 });
  const sessions = createSessions({
    store,
    token: failingCarrier,
    initial: () => ({ visits: 1 }),
    onError: () => undefined,
  });
  const { session } = await sessions.create({ visits: 7 });
  const { renewalCode } = await session.rotate();
  const url = `/?renewal=${renewalCode}`;
  await expect(serveInMemory(sessions).connect({ url })).rejects.toThrow("refused with 500");
  expect((await sessions.get(session.id))?.data).toEqual({ visits: 7 });
  // The store can evict a session without a holder to make room.
  await sessions.create({ visits: 8 });
  expect(store.size).toBe(1);
});

test("fault D4: several tokens are checked at the same time: four invalid tokens need two round trips to the store, not four", async () => {
  const store = sharedStore();
  const waits: string[][] = [];
  let open: string[] = [];
  const { resume } = store;
  store.resume = async (request) => {
    open.push(request.hold ? "resume" : "question");
    const batch = open;
    // One round trip: requests of one turn are sent together.
    await new Promise((resolve) => setImmediate(resolve));
    if (open === batch) {
      waits.push(batch);
      open = [];
    }
    return resume(request);
  };
  const sessions = createSessions({ store, token: queryToken(), initial: () => ({ visits: 1 }) });
  const server = serveInMemory(sessions);
  const dead = ["A", "B", "C", "D"].map((letter) => `token=${letter.repeat(22)}.${letter.repeat(43)}`);
  await server.connect({ url: `/?${dead.join("&")}` });
  expect(waits).toEqual([["resume"], ["question", "question", "question"]]);
  const { session, token } = await sessions.create({ visits: 7 });
  waits.length = 0;
  const { connection } = await server.connect({ url: `/?${dead.slice(0, 3).join("&")}&token=${token}` });
  expect(connection.session.id).toBe(session.id);
  expect(waits).toEqual([["resume"], ["question", "question", "question"], ["resume"]]);
});

test("fault D4: the store checks at most four tokens of a handshake, however many an application's own carrier reads", async () => {
  const store = sharedStore();
  const asked: string[] = [];
  const { resume } = store;
  store.resume = (request) => {
    asked.push(request.id);
    return resume(request);
  };
  const token: TokenCarrier = {
    read: ({ url }) => new URL(url, "ws://x").searchParams.get("token") ?? undefined,
    readAll: ({ url }) => new URL(url, "ws://x").searchParams.getAll("token"),
  };
  const sessions = createSessions({ store, token, initial: () => ({ visits: 1 }) });
  const { session, token: good } = await sessions.create({ visits: 7 });
  const dead = Array.from({ length: 200 }, (_, index) => `${index}`.padStart(22, "A") + "." + "B".repeat(43));
  const server = serveInMemory(sessions);
  const stranger = await server.connect({ url: `/?token=${[...dead, good].join("&token=")}` });
  expect(stranger.connection.session.id).not.toBe(session.id);
  expect(asked).toEqual(dead.slice(0, 4).map((text) => text.slice(0, 22)));
  const known = await server.connect({ url: `/?token=${[...dead.slice(0, 3), good].join("&token=")}` });
  expect(known.connection.session.id).toBe(session.id);
});

test("a handshake does not extend the sessions of its other tokens, because the client does not resume them", async () => {
  const store = sharedStore();
  const asked: (readonly [id: string, hold: boolean, touch: boolean | undefined])[] = [];
  const { resume } = store;
  store.resume = (request) => {
    asked.push([request.id, request.hold, request.touch]);
    return resume(request);
  };
  const sessions = createSessions({ store, token: queryToken(), initial: () => ({ visits: 1 }) });
  const resumed = await sessions.create({ visits: 7 });
  const other = await sessions.create({ visits: 8 });
  const dead = `${"A".repeat(22)}.${"B".repeat(43)}`;
  const tokens = [dead, resumed.token, other.token].join("&token=");
  const { connection } = await serveInMemory(sessions).connect({ url: `/?token=${tokens}` });
  expect(connection.session.id).toBe(resumed.session.id);
  expect(asked).toEqual([
    ["A".repeat(22), true, true],
    [resumed.session.id, false, false],
    [other.session.id, false, false],
    [resumed.session.id, true, true],
  ]);
});

test.each<readonly [string, object]>([
  ["read", { read: async () => "token" }],
  ["read", { read: () => null }],
  ["readRenewal", { read: () => undefined, readRenewal: () => 5 }],
  ["readAll", { read: () => "x", readAll: () => "x" }],
  ["readAll", { read: () => "x", readAll: () => ["x", 5] }],
  // The rejection of a promise that is never awaited would end the process.
  ["read", { read: fails }],
  ["readRenewal", { read: () => undefined, readRenewal: fails }],
  ["readAll", { read: () => "x", readAll: fails }],
  ["readAll", { read: () => "x", readAll: () => [fails(), fails()] }],
  ["write", { read: () => undefined, write: fails }],
  ["write", { read: () => undefined, write: () => "set-cookie: a=b" }],
  // A subprotocol that is taken for none of a token would be sent back with its token.
  ["isTokenProtocol", { read: () => undefined, isTokenProtocol: fails }],
  ["isTokenProtocol", { read: () => undefined, isTokenProtocol: (name: string) => /^chat$/.exec(name) }],
])(
  "a carrier's %s that returns a value of another type refuses the handshake with 500, and the report names the method",
  async (name, carrier) => {
    const errors: unknown[] = [];
    const sessions = createSessions({
      store: mapStore(),
      token: carrier as unknown as TokenCarrier,
      initial: () => ({ visits: 1 }),
      onError: (error) => errors.push(isSessionError(error) ? `${error.code} ${error.message}` : error),
    });
    const handshake = { protocols: ["chat"] };
    await expect(serveInMemory(sessions).connect(handshake)).rejects.toThrow("refused with 500");
    // Node reports an unhandled rejection before the next turn of the event loop, and Vitest fails then.
    await new Promise((resolve) => setImmediate(resolve));
    expect(errors).toEqual([expect.stringMatching(`INVALID_ARGUMENT token.${name} `)]);
  },
);
