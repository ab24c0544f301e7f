import { deferred, delay, Journal, macrotask, until } from "@wsession/conformance";
import {
  cookieToken,
  createSessions,
  inConnectionStore,
  isSessionError,
  mapStore,
  queryToken,
} from "@wsession/core";
import type { Connection } from "@wsession/core";
import { describe, expect, test } from "vitest";
import { connect, runtimeNames, serve } from "./runtimes.ts";

type Data = { readonly n: number };

const codeOf = (error: unknown): unknown => (isSessionError(error) ? error.code : error);

/** One test for each row of the table in docs/nbio.md. */
describe.each(runtimeNames)("nbio's session management on %s", (runtime) => {
  test("websocket.Conn.SetSession / Session: one slot on the connection, the last set wins, unset is distinguished from any value", async () => {
    const opened = deferred<Connection<Partial<Data>>>();
    const sessions = createSessions<Partial<Data>>({ store: inConnectionStore() });
    const server = await serve(runtime, sessions, { open: (connection) => opened.resolve(connection) });
    const client = await connect(server);
    const connection = await opened.promise;
    expect(connection.session).toBeUndefined();
    await connection.setSession({});
    expect(connection.session?.data).toEqual({});
    await connection.setSession({ n: 1 });
    await connection.setSession({ n: 2 });
    expect(connection.session?.data).toEqual({ n: 2 });
    const id = connection.session?.id ?? "";
    expect((await sessions.get(id))?.data).toEqual({ n: 2 });
    client.socket.close();
    await until(() => sessions.connections.size === 0);
    await macrotask();
    expect(await sessions.get(id)).toBeUndefined();
  });

  test("map[*websocket.Conn]Info of the user: entries are removed automatically, an old connection never removes a newer one's, and the entries are iterated, counted and found", async () => {
    const store = mapStore();
    const sessions = createSessions({
      store,
      token: queryToken(),
      exclusive: true,
      idleMs: 1_000,
      initial: ({ url }) => ({ url }),
    });
    const closed = new Journal<number>();
    const tokens = new Journal<string>();
    const server = await serve(runtime, sessions, {
      open: ({ token }) => tokens.note(token ?? ""),
      close: (_, { code }) => closed.note(code),
    });
    await connect(server, "/first");
    await tokens.until(1);
    // A new login replaces the old connection, whose end comes after the new one's entry was made.
    const newer = await connect(server, `/?token=${tokens.entries[0]}`);
    await closed.until(1);
    expect(closed.entries).toEqual([4409]);
    await connect(server, "/second");
    expect(store.size).toBe(2);
    expect([...store].map(([, data]) => data)).toEqual([{ url: "/first" }, { url: "/second" }]);
    const [id] = [...store].find(([, data]) => "url" in data && data.url === "/first") ?? [""];
    expect((await sessions.get(id))?.data).toEqual({ url: "/first" });
    newer.socket.close();
    await until(() => [...store].length === 0);
  });

  test("nbio.Conn.SetSession: the lower layer's slot and the session never overwrite each other, and the user's data in the slot can't break the connection", async () => {
    const opened = deferred<Connection<Data, unknown, never>>();
    const sessions = createSessions<Data>({ initial: () => ({ n: 1 }) });
    const server = await serve(runtime, sessions, {
      open: (connection) => opened.resolve(connection),
      message: (connection, text) => void connection.send(text),
    });
    const client = await connect(server);
    const connection = await opened.promise;
    for (const data of [{ send: 1, close: 2, wsession: 3 }, null, "mine"]) {
      connection.transport.data = data;
      expect(connection.session.data.n).toBeGreaterThan(0);
      await connection.session.update(({ n }) => ({ n: n + 1 }));
      expect(connection.transport.data).toBe(data);
      client.send("still works");
      expect(await client.next()).toBe("still works");
    }
  });

  test("non-blocking mode: no message arrives before the session is set; OnOpen, OnMessage*, OnClose in that order", async () => {
    const journal = new Journal();
    const sessions = createSessions<Data>({
      async initial() {
        await delay(20);
        return { n: 7 };
      },
    });
    const server = await serve(runtime, sessions, {
      open: (connection) => journal.note(`open ${connection.session?.data.n}`),
      message: (connection, text) => journal.note(`${text} ${connection.session?.data.n}`),
      close: (connection) => journal.note(`close ${connection.session?.data.n}`),
    });
    const client = await connect(server, "/", {
      atOpen: (socket) => {
        for (const text of ["a", "b", "c"]) socket.send(text);
      },
    });
    await journal.until(4);
    client.socket.close();
    await journal.until(5);
    expect(journal.entries).toEqual(["open 7", "a 7", "b 7", "c 7", "close 7"]);
  });

  test("blocking mode: a message that arrives before the session waits for it, in order, within limits", async () => {
    const journal = new Journal();
    const { promise: flooded, resolve: endFlood } = deferred();
    const sessions = createSessions<Data>({ early: { maxMessages: 3 } });
    const server = await serve(runtime, sessions, {
      async open(connection, { url }) {
        await (url === "/flood" ? flooded : delay(20));
        await connection.setSession({ n: 7 }).catch(() => undefined);
      },
      message: (connection, text) => journal.note(`${text} ${connection.session?.data.n}`),
    });
    const send = (texts: readonly string[]) => ({
      atOpen: (socket: { send(text: string): void }) => {
        for (const text of texts) socket.send(text);
      },
    });
    await connect(server, "/", send(["a", "b", "c"]));
    await journal.until(3);
    expect(journal.entries).toEqual(["a 7", "b 7", "c 7"]);
    const flood = await connect(server, "/flood", send(["a", "b", "c", "d"]));
    expect((await flood.closed).code).toBe(4413);
    endFlood();
  });

  test("SessionWithLock: ready() resolves wherever and whenever the session is set, and rejects on close and on timeout", async () => {
    const opened = new Journal<Connection<Data>>();
    const sessions = createSessions<Data>();
    const server = await serve(runtime, sessions, {
      async open(connection, { url }) {
        opened.note(connection);
        // In nbio this is a deadlock: OnOpen waits for the set that it makes itself.
        if (url !== "/in-open") return;
        void connection.setSession({ n: 1 });
        await connection.ready();
      },
    });
    await connect(server, "/in-open");
    await opened.until(1);
    expect((await opened.entries[0]!.ready()).data.n).toBe(1);
    const client = await connect(server);
    await opened.until(2);
    const connection = opened.entries[1]!;
    expect(await connection.ready({ timeoutMs: 10 }).catch(codeOf)).toBe("READY_TIMEOUT");
    const waiting = connection.ready({ timeoutMs: Infinity }).catch(codeOf);
    client.socket.terminate();
    expect(await waiting).toBe("CONNECTION_CLOSED");
  });

  test("SessionWithContext(ctx): ready({ signal }) rejects with the signal's reason", async () => {
    const opened = deferred<Connection<Data>>();
    const sessions = createSessions<Data>();
    const server = await serve(runtime, sessions, { open: (connection) => opened.resolve(connection) });
    await connect(server);
    const abort = new AbortController();
    const waiting = (await opened.promise).ready({ signal: abort.signal }).catch((error: unknown) => error);
    const reason = new Error("the request was cancelled");
    abort.abort(reason);
    expect(await waiting).toBe(reason);
  });

  test("a set under the lock: connection.setSession itself opens the gate", async () => {
    const journal = new Journal();
    const opened = deferred<Connection<Data>>();
    const sessions = createSessions<Data>();
    const server = await serve(runtime, sessions, {
      open: (connection) => opened.resolve(connection),
      message: (_, text) => journal.note(`${text}`),
    });
    const client = await connect(server);
    client.send("held");
    await client.roundTrip();
    expect(journal.entries).toEqual([]);
    await (await opened.promise).setSession({ n: 1 });
    await journal.until(1);
    expect(journal.entries).toEqual(["held"]);
  });

  test("at close: the close handler gets the last session, or none; setSession after close rejects", async () => {
    const closed = new Journal<Connection<Data>>();
    const sessions = createSessions<Data>();
    const server = await serve(runtime, sessions, {
      async open(connection, { url }) {
        if (url === "/set") await connection.setSession({ n: 3 });
      },
      close: (connection) => closed.note(connection),
    });
    for (const path of ["/set", "/unset"]) (await connect(server, path)).socket.close();
    await closed.until(2);
    expect(closed.entries.map(({ session }) => session?.data)).toEqual(
      expect.arrayContaining([{ n: 3 }, undefined]),
    );
    for (const connection of closed.entries) {
      expect(await connection.setSession({ n: 4 }).catch(codeOf)).toBe("CONNECTION_CLOSED");
    }
  });

  test("beyond nbio: expiry, resume, sharing, presence, revocation", async () => {
    const sessions = createSessions({
      store: mapStore(),
      token: cookieToken({ name: "sid", secure: false }),
      absoluteMs: 60_000,
      initial: () => ({ visits: 1 }),
    });
    const other = runtime === "ws" ? "uws" : "ws";
    const opened = new Journal<string>();
    const handlers = {
      open: (connection: { readonly resumed: boolean }) => opened.note(`${connection.resumed}`),
    };
    const [server, sharing] = [
      await serve(runtime, sessions, handlers),
      await serve(other, sessions, handlers),
    ];
    const first = await connect(server);
    const [cookie = ""] = first.headers["set-cookie"]?.[0]?.split(";") ?? [];
    expect(first.headers["set-cookie"]?.[0]).toContain("Max-Age=60");
    const second = await connect(sharing, "/", { headers: { cookie } });
    await opened.until(2);
    expect(opened.entries).toEqual(["false", "true"]);
    let id = "";
    for await (const session of sessions.entries()) id = session.id;
    expect(await sessions.presence(id)).toMatchObject({ connections: 2, missing: [] });
    expect(await sessions.destroy(id, "revoked")).toEqual({ destroyed: 1, closed: 2, unreachable: [] });
    expect(await Promise.all([first.closed, second.closed])).toEqual([
      { code: 4410, reason: "revoked" },
      { code: 4410, reason: "revoked" },
    ]);
    const back = await connect(server, "/", { headers: { cookie } });
    expect(back.headers["set-cookie"]).toHaveLength(1);
  });
});
