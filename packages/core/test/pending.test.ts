import { setImmediate as turn } from "node:timers/promises";
import { accept, createSessions, queryToken, SessionError } from "@wsession/core";
import type { SessionStore, StoreHost } from "@wsession/core";
import { expect, test } from "vitest";
import { PendingDecisions } from "../src/session/pending.ts";
import type { SessionRegistry } from "../src/session/registry.ts";
import { heldStore } from "./held-store.ts";
import { serveInMemory, sharedStore } from "./memory-runtime.ts";

type Data = { readonly n: number };

test("a decision that has taken effect is in neither index", () => {
  const pending = new PendingDecisions();
  const decisions = [pending.begin("subject"), pending.begin("subject")];
  for (const decision of decisions) decision.expectSession("session");
  expect(pending.bySubject.of("subject")).toEqual(decisions);
  expect(pending.bySession.of("session")).toEqual(decisions);
  for (const decision of decisions) decision.dispose();
  expect(pending.bySubject.of("subject")).toEqual([]);
  expect(pending.bySession.of("session")).toEqual([]);
});

test("a takeover ends decisions that became ready before it, and neither later decisions nor decisions in progress", () => {
  const pending = new PendingDecisions();
  const [older, newer, underWay] = [pending.begin(), pending.begin(), pending.begin()];
  for (const decision of [older, newer, underWay]) decision.expectSession("session");
  older.markSessionReady();
  newer.markSessionReady();
  pending.endOlder("session", newer.readyNumber, { code: 4409, reason: "replaced" });
  expect(older.ending).toEqual({ code: 4409, reason: "replaced" });
  expect(newer.ending).toBeUndefined();
  expect(underWay.ending).toBeUndefined();
});

/** A shared store that exposes its host. */
function observedStore() {
  const store = heldStore();
  let host: StoreHost | undefined;
  const attach = store.attach.bind(store);
  const observed: typeof store = {
    ...store,
    attach(given) {
      host = given;
      attach(given);
    },
  };
  return { store: observed, held: (id: string) => host?.held(id) };
}

test("a session is held as long as one of its connections exists, and no longer", async () => {
  const { store, held } = observedStore();
  const sessions = createSessions<Data>({ store, token: queryToken(), initial: () => ({ n: 0 }) });
  let letGo: () => void = () => undefined;
  const handling = new Promise<void>((resolve) => (letGo = resolve));
  const server = serveInMemory(sessions, { message: () => handling });
  const first = await server.connect();
  const { id } = first.connection.session;
  const second = await server.connect({ url: `/?token=${first.connection.token}` });
  first.connection.close();
  await turn();
  expect(sessions.connections.size).toBe(1);
  expect(held(id)).toMatchObject({ connections: 1 });
  // The handler has not settled, so the connection still refers to the session that is gone.
  second.receive("");
  await second.connection.session.destroy();
  await turn();
  expect(second.socket.closedWith?.code).toBe(4410);
  expect(held(id)).toBeUndefined();
  letGo();
});

test("a session that is created for a connection that closes meanwhile is destroyed", async () => {
  const store = heldStore();
  const sessions = createSessions<Data>({ store, token: queryToken() });
  const { connection, socket } = await serveInMemory(sessions).connect();
  const letGo = store.hold("create");
  const setting = connection.setSession({ n: 0 });
  await turn();
  connection.terminate();
  await turn();
  expect(socket.closedWith?.code).toBe(1006);
  letGo();
  await expect(setting).rejects.toMatchObject({ code: "CONNECTION_CLOSED" });
  await sessions.close();
  for await (const id of store.ids()) expect.fail(`${id} was left behind`);
});

test("a creation that fails, or whose connection closes meanwhile, leaves no pending decision behind", async () => {
  const held = heldStore();
  const ids: string[] = [];
  let isDown = false;
  const store: SessionStore = {
    ...held,
    create(request) {
      ids.push(request.id);
      if (isDown) return Promise.reject(new SessionError("STORE_UNAVAILABLE", "away"));
      return held.create(request);
    },
  };
  const sessions = createSessions<Data>({ store, token: queryToken() });
  const { pending } = (sessions as unknown as { readonly registry: SessionRegistry<Data> }).registry;
  const server = serveInMemory(sessions);
  const first = await server.connect();
  const letGo = held.hold("create");
  const setting = first.connection.setSession({ n: 0 });
  await turn();
  first.connection.terminate();
  await turn();
  expect(pending.bySession.of(ids[0]!)).toHaveLength(1);
  letGo();
  await expect(setting).rejects.toMatchObject({ code: "CONNECTION_CLOSED" });
  isDown = true;
  const second = await server.connect();
  await expect(second.connection.setSession({ n: 0 })).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
  expect(ids.map((id) => pending.bySession.of(id))).toEqual([[], []]);
});

test("a store whose create throws an error of its own counts as unavailable, like a store whose create rejects", async () => {
  const store: SessionStore = {
    ...sharedStore(),
    create() {
      throw new Error("not connected");
    },
  };
  const sessions = createSessions<Data>({ store, token: queryToken() });
  const { connection } = await serveInMemory(sessions).connect();
  await expect(connection.setSession({ n: 0 })).rejects.toMatchObject({
    code: "STORE_UNAVAILABLE",
    cause: new Error("not connected"),
  });
});

test("fault A1 a connection ends with 4410 if another process destroyed its subject's sessions since admit", async () => {
  const inner = sharedStore();
  const store: SessionStore = {
    ...inner,
    // The answer of a shared store in which the destruction was recorded.
    create: () => Promise.resolve({ type: "revoked" }),
  };
  const sessions = createSessions<Data>({
    store,
    token: queryToken(),
    admit: () => accept({ subject: "alice" }),
  });
  const { connection, socket } = await serveInMemory(sessions).connect();
  const error: unknown = await connection.setSession({ n: 0 }).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(SessionError);
  expect(error).toMatchObject({ code: "REVOKED" });
  expect(socket.closedWith?.code).toBe(4410);
});

test("a session that is destroyed during its resume is not resumed, and the client gets a new session", async () => {
  const store = heldStore();
  const sessions = createSessions<Data>({ store, token: queryToken(), initial: () => ({ n: 0 }) });
  const server = serveInMemory(sessions);
  const { connection } = await server.connect();
  const { session, token } = connection;
  const letGo = store.hold("resume");
  const coming = server.connect({ url: `/?token=${token}` });
  await turn();
  await session.destroy();
  letGo();
  const newcomer = await coming;
  expect(newcomer.connection.session.id).not.toBe(session.id);
  expect(newcomer.socket.closedWith).toBeUndefined();
  await newcomer.connection.session.patch({ n: 1 });
});

test("I13 a connection that was replaced before its takeover was sent does not take the session over", async () => {
  const store = sharedStore();
  const answers: (() => void)[] = [];
  const sessions = createSessions<Data>({
    store: {
      ...store,
      async takeOver(id) {
        await new Promise<void>((resolve) => answers.push(resolve));
        return (await store.behindTheBack.takeOver?.(id)) ?? { type: "missing" };
      },
    },
    exclusive: true,
    token: queryToken(),
    initial: () => ({ n: 0 }),
  });
  const server = serveInMemory(sessions);
  const { connection } = await server.connect();
  const url = `/?token=${connection.token}`;
  const [first, second, third] = [
    await server.connect({ url }),
    await server.connect({ url }),
    await server.connect({ url }),
  ];
  // The write of the first connection is in progress. The write of the second would come after it, and is not needed any more.
  for (let asked = 1; asked <= 2; asked += 1) {
    expect(answers).toHaveLength(asked);
    answers.at(-1)?.();
    for (let turns = 0; turns < 5; turns += 1) await turn();
  }
  expect(answers).toHaveLength(2);
  expect([first, second, third].map(({ socket }) => socket.closedWith?.code)).toEqual([
    4409,
    4409,
    undefined,
  ]);
  await third.connection.session.patch({ n: 1 });
});
