import { createSessions, mapStore, queryToken } from "@wsession/core";
import type { ResumeRequest, SessionStore } from "@wsession/core";
import { expect, onTestFinished, test, vi } from "vitest";
import { digestOf, newSelector, newVerifier } from "../src/token.ts";
import { serveInMemory } from "./memory-runtime.ts";

interface Visits {
  readonly visits: number;
}

/** A store that leaves out what the caller has, as one with I/O does; `lie` makes it leave out what it has not. */
function sparingStore(lie = false) {
  const inner: SessionStore = mapStore();
  const asked: ResumeRequest["known"][] = [];
  const store: SessionStore = Object.assign(Object.create(inner), {
    async resume(request: ResumeRequest) {
      asked.push(request.known);
      const result = await inner.resume(request);
      if (result.type !== "resumed") return result;
      if (!lie && result.session.version !== request.known) return result;
      const { data: _, ...session } = result.session;
      return { ...result, type: "unchanged", session };
    },
  });
  for (const name of ["attach", "create", "load", "write", "touch", "rotate", "destroy", "release"] as const)
    Object.assign(store, { [name]: inner[name].bind(inner) });
  Object.assign(store, { capabilities: inner.capabilities, close: inner.close.bind(inner) });
  return { store, inner, asked };
}

function serve(options: { readonly lie?: boolean; readonly schemaVersion?: number } = {}) {
  const { lie, schemaVersion } = options;
  const sparing = sparingStore(lie);
  const errors: unknown[] = [];
  const sessions = createSessions<Visits>({
    store: sparing.store,
    token: queryToken(),
    initial: () => ({ visits: 1 }),
    onError: (error) => void errors.push(error),
    ...(schemaVersion === undefined ? {} : { schemaVersion, migrate: () => ({ visits: 100 }) }),
  });
  return { ...sparing, sessions, errors, server: serveInMemory(sessions) };
}

test("I8 a client that comes back to a process which still has its session is given the data from memory", async () => {
  const { server, asked } = serve();
  const first = await server.connect();
  await first.connection.session.update((data) => ({ visits: data.visits + 1 }));
  const { token } = first.connection;
  const again = await server.connect({ url: `/?token=${token}` });
  expect(again.connection.resumed).toBe(true);
  expect(again.connection.session).toMatchObject({ version: 2, data: { visits: 2 } });
  expect(asked).toEqual([2]);
  expect(await again.connection.session.update((data) => ({ visits: data.visits + 1 }))).toEqual({
    visits: 3,
  });
});

test("I7 what another process wrote meanwhile is in the answer, since the version that is known here is not it", async () => {
  const { server, inner, asked } = serve();
  const { connection } = await server.connect();
  const { id } = connection.session;
  await inner.write({
    id,
    change: { type: "fields", set: { visits: 50 }, unset: [] },
    expect: undefined,
    known: 1,
    fence: undefined,
    schemaVersion: 0,
  });
  const again = await server.connect({ url: `/?token=${connection.token}` });
  expect(asked).toEqual([1]);
  expect(again.connection.session).toMatchObject({ version: 2, data: { visits: 50 } });
});

test("data that was brought up from another schema version is not what is stored: nothing is known then", async () => {
  const { server, inner, asked } = serve({ schemaVersion: 2 });
  const { connection } = await server.connect();
  const { id } = connection.session;
  await inner.write({
    id,
    change: { type: "replace", data: { seen: 7 }, base: undefined },
    expect: undefined,
    known: 1,
    fence: undefined,
    schemaVersion: 1,
  });
  await connection.session.refresh();
  expect(connection.session.data).toEqual({ visits: 100 });
  const again = await server.connect({ url: `/?token=${connection.token}` });
  expect(again.connection.session.data).toEqual({ visits: 100 });
  expect(asked).toEqual([undefined]);
});

test("I11 a store that leaves out data which nobody here has: 503 and a typed error, not an empty session", async () => {
  const { server, inner, errors, sessions } = serve({ lie: true });
  const [id, verifier] = [newSelector(), newVerifier()];
  await inner.create({
    id,
    digest: digestOf(verifier),
    data: { visits: 1 },
    subject: undefined,
    schemaVersion: 0,
    idleMs: 60_000,
    absoluteMs: 60_000,
    hold: false,
    exclusive: false,
  });
  await expect(server.connect({ url: `/?token=${id}.${verifier}` })).rejects.toThrow("refused with 503");
  expect(errors).toEqual([expect.objectContaining({ code: "STORE_UNAVAILABLE", outcome: "unknown" })]);
  expect(sessions.diagnostics).toMatchObject({ handshakesRefused: 1, sessionsResumed: 0 });
});

test("a session whose client comes and goes is watched for its collection once, not each time", async () => {
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
  const { server } = serve();
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
