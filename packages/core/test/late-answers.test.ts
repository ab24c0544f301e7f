import { setImmediate as turn } from "node:timers/promises";
import { createSessions, mapStore, queryToken, SessionError } from "@wsession/core";
import type { StandardSchemaV1 } from "@wsession/core";
import { describe, expect, test } from "vitest";
import { aHandshake } from "./handshakes.ts";
import { heldStore } from "./held-store.ts";
import { MemorySocket, serveInMemory, sharedStore } from "./memory-runtime.ts";

type Data = { readonly n: number; readonly [field: string]: unknown };

const coded = (code: string) => expect.objectContaining({ code });

async function openSession({ exclusive = false, store = heldStore() } = {}) {
  const sessions = createSessions<Data>({
    store,
    exclusive,
    token: queryToken(),
    initial: () => ({ n: 0 }),
  });
  const server = serveInMemory(sessions);
  const { connection, socket } = await server.connect();
  return { store, sessions, server, connection, socket, session: connection.session };
}

/** A change of these fields by another process. */
function aChange(id: string, set: Record<string, unknown>) {
  return {
    id,
    change: { type: "fields", set, unset: [] },
    expect: undefined,
    known: 0,
    fence: undefined,
    schemaVersion: 0,
  } as const;
}

describe("a late answer of the store", () => {
  test("I8 a read that starts before a write of this process and is answered after it does not restore older data", async () => {
    const { store, session, sessions } = await openSession();
    const letGo = store.hold("load");
    const reading = session.refresh();
    await session.patch({ n: 1 });
    letGo();
    expect(await reading).toEqual({ n: 1 });
    expect([session.version, session.data]).toEqual([2, { n: 1 }]);
    expect(sessions.diagnostics.storeLosses).toBe(0);
  });

  test("I8 the answer to a write does not overwrite a newer state that arrived meanwhile", async () => {
    const { store, session } = await openSession();
    const letGo = store.hold("write");
    const writing = session.patch({ n: 1 });
    await turn();
    await store.behindTheBack.write(aChange(session.id, { n: 2 }));
    store.notify({ type: "written", id: session.id, version: 3, change: undefined });
    await turn();
    expect([session.version, session.data]).toEqual([3, { n: 2 }]);
    letGo();
    await writing;
    expect([session.version, session.data]).toEqual([3, { n: 2 }]);
  });

  test("I8 the answer to a login does not overwrite a newer state that arrived meanwhile", async () => {
    const { store, session } = await openSession();
    const letGo = store.hold("rotate");
    const identifying = session.identify("alice");
    await turn();
    await store.behindTheBack.write(aChange(session.id, { n: 2 }));
    store.notify({ type: "written", id: session.id, version: 3, change: undefined });
    await turn();
    expect([session.version, session.data]).toEqual([3, { n: 2 }]);
    letGo();
    await identifying;
    expect([session.version, session.data, session.subject]).toEqual([3, { n: 2 }, "alice"]);
  });

  test("I8 a login takes effect although the schema refuses what another process wrote before it, and that data is reported", async () => {
    const reports: unknown[] = [];
    const store = sharedStore();
    const schema: StandardSchemaV1<unknown, Data> = {
      "~standard": {
        version: 1,
        vendor: "test",
        validate: (value) =>
          typeof value === "object" && value !== null && "n" in value && typeof value.n === "number"
            ? { value: { ...value, n: value.n } }
            : { issues: [{ message: "n is a number" }] },
      },
    };
    const onError = (error: unknown, { stage }: { readonly stage: string }) => reports.push([stage, error]);
    const sessions = createSessions<Data>({
      store,
      schema,
      token: queryToken(),
      initial: () => ({ n: 0 }),
      onError,
    });
    const { connection } = await serveInMemory(sessions).connect();
    const { session } = connection;
    await store.behindTheBack.write(aChange(session.id, { n: "many" }));
    const renewal = await session.identify("ada");
    expect(renewal.token.slice(0, 22)).toBe(session.id);
    expect(session).toMatchObject({ subject: "ada", data: { n: 0 } });
    expect(reports).toEqual([["store", coded("INVALID_DATA")]]);
  });

  test("I8 a batch that the store refused is sent again before the writes that came after it", async () => {
    const inner = sharedStore();
    const store = heldStore({
      ...inner,
      async write(request) {
        const { change } = request;
        if (change.type === "fields" && "bad" in change.set)
          throw new SessionError("NOT_SERIALISABLE", "refused", { outcome: "not-applied" });
        return inner.write(request);
      },
    });
    const { session } = await openSession({ store });
    const first = [session.patch({ x: 1 }), session.patch({ bad: true })];
    await Promise.resolve();
    const later = session.patch({ x: 2 });
    const outcomes = await Promise.allSettled([...first, later]);
    expect(outcomes.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
    expect(await session.refresh()).toEqual({ n: 0, x: 2 });
  });
});

describe("a connection that was replaced", () => {
  test("I13 its write is not merged with an administrative write of the same tick", async () => {
    const { store, sessions, session, socket } = await openSession({ exclusive: true });
    const administrative = await sessions.get(session.id);
    // Another process's connection takes the session over, and this process gets no announcement.
    await store.behindTheBack.resume({
      id: session.id,
      digest: undefined,
      nextDigest: undefined,
      subject: undefined,
      idleMs: 60_000,
      hold: false,
      exclusive: true,
    });
    const writes = await Promise.allSettled([
      administrative?.patch({ administrative: true }),
      session.patch({ replaced: true }),
    ]);
    expect(writes[0]?.status).toBe("fulfilled");
    expect(writes[1]).toMatchObject({ status: "rejected", reason: coded("FENCED") });
    expect(await administrative?.refresh()).toEqual({ n: 0, administrative: true });
    expect(socket.closedWith?.code).toBe(4409);
  });

  test("I9 a write to a session that is gone ends the connection with 4410", async () => {
    const { store, session, socket } = await openSession();
    await store.behindTheBack.destroy(session.id, undefined, false);
    await expect(session.patch({ n: 1 })).rejects.toEqual(coded("SESSION_GONE"));
    expect(socket.closedWith?.code).toBe(4410);
  });

  test("I13 its handle can neither destroy, touch nor read the session", async () => {
    const { sessions, server, connection, session } = await openSession({ exclusive: true });
    const newer = await server.connect({ url: `/?token=${connection.token}` });
    expect(newer.connection.session.id).toBe(session.id);
    await expect(session.destroy()).rejects.toEqual(coded("FENCED"));
    await expect(session.touch()).rejects.toEqual(coded("FENCED"));
    await expect(session.extend()).rejects.toEqual(coded("FENCED"));
    await expect(session.refresh()).rejects.toEqual(coded("FENCED"));
    expect(await sessions.get(session.id)).toBeDefined();
    expect(newer.socket.closedWith).toBeUndefined();
  });
});

describe.each([
  { kind: "where the store takes over once the connection is there", store: () => mapStore() },
  { kind: "where the store takes over in a resume, as in 0.1", store: () => sharedStore() },
])("$kind", ({ store }) => {
  test("I13: of two connections of one session, the connection that was admitted first and opened last ends with 4409", async () => {
    const sessions = createSessions<Data>({
      store: store(),
      exclusive: true,
      token: queryToken(),
      initial: () => ({ n: 0 }),
    });
    const { binding, connect } = serveInMemory(sessions);
    const { connection, socket } = await connect();
    const url = `/?token=${connection.token}`;
    const a = await binding.admit(aHandshake({ url }), undefined);
    const b = await binding.admit(aHandshake({ url }), undefined);
    if (a.type === "reject" || b.type === "reject") return expect.fail("refused");
    const [socketOfA, socketOfB] = [new MemorySocket(), new MemorySocket()];
    socketOfB.connection = binding.open(socketOfB, b.ticket);
    socketOfA.connection = binding.open(socketOfA, a.ticket);
    for (let turns = 0; turns < 10; turns += 1) await turn();
    expect(socketOfA.closedWith?.code).toBe(4409);
    expect(socketOfB.closedWith).toBeUndefined();
    expect(socket.closedWith?.code).toBe(4409);
    await sessions.of(socketOfB)?.session.patch({ n: 1 });
    expect((await sessions.get(connection.session.id))?.data).toEqual({ n: 1 });
  });
});

test("close() resolves after the writes in progress", async () => {
  const { store, sessions, session } = await openSession();
  const letGo = store.hold("write");
  const writing = session.patch({ n: 1 });
  await turn();
  let closed = false;
  const closing = sessions.close().then(() => (closed = true));
  for (let turns = 0; turns < 10; turns += 1) await turn();
  expect(closed).toBe(false);
  letGo();
  await writing;
  await closing;
  expect(closed).toBe(true);
});
