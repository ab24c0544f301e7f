import { bindSessions } from "@wsession/adapter-uws";
import type { BindOptions } from "@wsession/adapter-uws";
import { Client, deferred, frame, Journal, macrotask, Opcode, RawClient, until } from "@wsession/conformance";
import { accept, createSessions, mapStore, protocolToken, reject } from "@wsession/core";
import type { Connection, Handlers, Sessions } from "@wsession/core";
import { expect, onTestFinished, test, vi } from "vitest";
import uWS from "uWebSockets.js";
import type { TemplatedApp, WebSocket } from "uWebSockets.js";
import { upgraded } from "../../adapter-ws/test/peers.ts";
import { listen } from "./servers.ts";

type Data = { readonly n: number };
type Conn = Connection<Data, unknown, never>;

interface Setting extends BindOptions {
  readonly pattern?: string;
  readonly app?: TemplatedApp;
}

async function serve<Transport, Unset extends undefined>(
  sessions: Sessions<Data, Transport, Unset>,
  handlers: Handlers<Data, Transport, Unset> = {},
  { pattern = "/*", app = uWS.App(), ...options }: Setting = {},
): Promise<number> {
  bindSessions(app, pattern, sessions, handlers, options);
  const port = await listen(app);
  onTestFinished(async () => {
    await sessions.close();
    app.close();
  });
  return port;
}

async function connect(port: number, path = "/", protocols: readonly string[] = []): Promise<Client> {
  const client = await Client.connect(`ws://127.0.0.1:${port}${path}`, { protocols });
  onTestFinished(() => client.socket.terminate());
  return client;
}

const socketOf = (connection: { readonly socket: unknown }) => connection.socket as WebSocket<object>;

const isWhole = (data: string | Uint8Array | undefined) =>
  typeof data === "object" && data.length === 3 && Buffer.from(data).equals(Buffer.of(1, 2, 3));

test("the runtime's socket keeps its methods: no property of this library or of the user hides one", async () => {
  const opened = deferred<Conn>();
  const shadows = { send: 1, close: 2, end: 3, getBufferedAmount: 4, ping: 5, cork: 6, subscribe: 7 };
  const sessions = createSessions({ initial: () => ({ n: 0, ...shadows }), transport: () => shadows });
  const port = await serve(sessions, { open: (connection) => opened.resolve(connection) });
  const client = await connect(port);
  const socket = socketOf(await opened.promise);
  expect(Object.keys(socket.getUserData())).toEqual(["wsession", "wsessionSeen"]);
  expect(socket.send("by the runtime's own method")).toBe(1);
  expect(await client.next()).toBe("by the runtime's own method");
});

test("I2 the runtime detaches a message's buffer when the callback returns, and the handler's copy stays valid", async () => {
  const kept = new Journal<string | Uint8Array>();
  const sessions = createSessions({ initial: () => ({ n: 0 }) });
  const port = await serve(sessions, { message: (_, data) => kept.note(data) });
  const client = await connect(port);
  client.send(Buffer.of(1, 2, 3));
  await kept.until(1);
  await macrotask();
  expect(isWhole(kept.entries[0])).toBe(true);
});

test('binary: "borrowed" hands over the runtime\'s own bytes, which are valid until the first await', async () => {
  const seen = new Journal<boolean>();
  const kept: (string | Uint8Array)[] = [];
  const sessions = createSessions({ initial: () => ({ n: 0 }) });
  const handlers: Handlers<Data, unknown, never> = {
    message(_, data) {
      kept.push(data);
      seen.note(isWhole(data));
    },
  };
  const port = await serve(sessions, handlers, { binary: "borrowed" });
  const client = await connect(port);
  client.send(Buffer.of(1, 2, 3));
  await seen.until(1);
  await macrotask();
  expect(seen.entries).toEqual([true]);
  expect(isWhole(kept[0])).toBe(false);
});

test('binary: "borrowed" bytes that have to wait are copied nevertheless', async () => {
  const gate = deferred();
  const seen = new Journal<boolean>();
  const sessions = createSessions({ initial: () => ({ n: 0 }) });
  const handlers: Handlers<Data, unknown, never> = {
    open: () => gate.promise,
    message: (_, data) => seen.note(isWhole(data)),
  };
  const port = await serve(sessions, handlers, { binary: "borrowed" });
  const client = await connect(port);
  client.send(Buffer.of(1, 2, 3));
  await client.roundTrip();
  await macrotask();
  gate.resolve();
  await seen.until(1);
  expect(seen.entries).toEqual([true]);
});

test("after close every method of the runtime's socket throws, and the methods of the connection do not, in the close handler and later", async () => {
  const closed = deferred<Conn>();
  const outcomes: unknown[] = [];
  const use = (connection: Conn) => {
    expect(() => socketOf(connection).getBufferedAmount()).toThrow(/closed/);
    outcomes.push(connection.send("x"), connection.bufferedAmount, connection.transport.remoteAddress);
    connection.close();
    connection.terminate();
  };
  const sessions = createSessions({ initial: () => ({ n: 0 }) });
  const port = await serve(sessions, {
    close(connection) {
      use(connection);
      closed.resolve(connection);
    },
  });
  const client = await connect(port);
  client.socket.close();
  const connection = await closed.promise;
  await macrotask();
  use(connection);
  expect(outcomes).toEqual(["closed", 0, "127.0.0.1", "closed", 0, "127.0.0.1"]);
  expect(sessions.of(socketOf(connection))).toBe(connection);
});

test("end() emits the close event before it returns: the close handler runs after the handler that closed", async () => {
  for (const how of ["close", "terminate"] as const) {
    const journal = new Journal();
    const sessions = createSessions({ initial: () => ({ n: 0 }) });
    const port = await serve(sessions, {
      message(connection) {
        connection[how]();
        journal.note(`message returns, size ${sessions.connections.size}`);
      },
      close: () => journal.note("close"),
    });
    const client = await connect(port);
    client.send("x");
    await journal.until(2);
    expect(journal.entries).toEqual(["message returns, size 0", "close"]);
  }
});

test("an upgrade that is aborted while admit waits neither ends the process nor answers a response that is gone", async () => {
  for (const admission of [accept(), reject(403, "no")]) {
    const asked = deferred();
    const gate = deferred();
    const errors: unknown[] = [];
    const sessions = createSessions({
      async admit({ url }) {
        if (url !== "/slow") return accept();
        asked.resolve();
        await gate.promise;
        return admission;
      },
      initial: () => ({ n: 0 }),
      onError: (error) => errors.push(error),
    });
    const port = await serve(sessions);
    const gone = new RawClient(port);
    gone.upgrade({ path: "/slow" });
    await asked.promise;
    gone.destroy();
    const client = await connect(port, "/other");
    await client.roundTrip();
    gate.resolve();
    await client.roundTrip();
    expect(errors).toEqual([]);
    expect(sessions.connections.size).toBe(1);
  }
});

test("headers on the answer do not turn the 101 into a 200", async () => {
  const sessions = createSessions({
    admit: () => accept({ headers: { "x-one": "1", "x-two": "2" } }),
    initial: () => ({ n: 0 }),
  });
  const client = await upgraded(await serve(sessions));
  const { status, headers } = await client.response;
  expect(status).toBe(101);
  expect(headers).toEqual(
    expect.arrayContaining([
      ["x-one", "1"],
      ["x-two", "2"],
    ]),
  );
});

test("parameters of the route, read while the request is valid, reach `transport` as `found`", async () => {
  const seen = new Journal<unknown>();
  const sessions = createSessions<Data>({ initial: () => ({ n: 0 }) });
  const port = await serve(
    sessions,
    { open: ({ transport }) => seen.note(transport.data) },
    { pattern: "/room/:id", found: (request) => ({ room: request.getParameter(0) }) },
  );
  await connect(port, "/room/7");
  await seen.until(1);
  expect(seen.entries).toEqual([{ room: "7" }]);
});

test("parameters of the route reach `admit` as `found`, before the decision", async () => {
  const seen = new Journal<unknown>();
  const sessions = createSessions({
    admit: (_, found) => (found === "banned" ? reject(403) : accept({ context: { found } })),
    initial: (_, { found }) => ({ found }),
  });
  const app = uWS.App();
  bindSessions(
    app,
    "/room/:id",
    sessions,
    { open: ({ session, context }) => seen.note([session.data, context]) },
    { found: (request) => request.getParameter(0) },
  );
  onTestFinished(() => void app.close());
  const port = await listen(app);
  const banned = new RawClient(port);
  banned.upgrade({ path: "/room/banned" });
  expect((await banned.refusal).status).toBe(403);
  await connect(port, "/room/7");
  await seen.until(1);
  expect(seen.entries).toEqual([[{ found: "7" }, { found: "7" }]]);
});

test("if `found` or `handleProtocols` throws, the handshake is answered with 500, onError gets the error, and no session is left behind", async () => {
  const fail = () => {
    throw new Error("mine");
  };
  for (const options of [{ found: fail }, { handleProtocols: fail }]) {
    const errors: unknown[] = [];
    const store = mapStore();
    const sessions = createSessions({
      store,
      initial: () => ({ n: 0 }),
      onError: (error) => errors.push(error),
    });
    const port = await serve(sessions, {}, options);
    const client = new RawClient(port);
    client.upgrade({ headers: [["Sec-WebSocket-Protocol", "chat"]] });
    expect((await client.refusal).status).toBe(500);
    expect(errors).toHaveLength(1);
    expect(store.size).toBe(0);
  }
});

test("handleProtocols chooses, and is never shown a token", async () => {
  const shown: (readonly string[])[] = [];
  const sessions = createSessions({ store: mapStore(), token: protocolToken(), initial: () => ({ n: 0 }) });
  const port = await serve(
    sessions,
    {},
    {
      handleProtocols(protocols) {
        shown.push(protocols);
        return "b";
      },
    },
  );
  const { token } = await sessions.create({ n: 1 });
  const client = await connect(port, "/", ["a", `wsession.${token}`, "b"]);
  expect(client.socket.protocol).toBe("b");
  expect(shown).toEqual([["a", "b"]]);
});

test("maxPayloadLength and compression of behavior keep the user's values", async () => {
  const closed = new Journal<number>();
  const sessions = createSessions({ initial: () => ({ n: 0 }) });
  const port = await serve(
    sessions,
    { message: (connection, data) => void connection.send(data), close: (_, { code }) => closed.note(code) },
    { behavior: { maxPayloadLength: 1_000, compression: uWS.SHARED_COMPRESSOR } },
  );
  const client = await connect(port);
  expect(client.socket.extensions).toContain("permessage-deflate");
  client.send("x".repeat(1_000));
  expect(await client.next()).toBe("x".repeat(1_000));
  client.send("x".repeat(1_001));
  await client.closed;
  await closed.until(1);
  expect(closed.entries).toHaveLength(1);
});

test.each([
  [30_000, {}, { idleTimeout: 98, sendPingsAutomatically: false }],
  [100, {}, { idleTimeout: 9, sendPingsAutomatically: false }],
  [300_000, {}, { idleTimeout: 908, sendPingsAutomatically: false }],
  [3_600_000, {}, { idleTimeout: 960, sendPingsAutomatically: true }],
  [0, {}, { idleTimeout: 960, sendPingsAutomatically: true }],
  [0, { idleTimeout: 0 }, { idleTimeout: 0, sendPingsAutomatically: false }],
  [30_000, { idleTimeout: 8 }, { idleTimeout: 8, sendPingsAutomatically: false }],
])("heartbeatMs %i and behavior %o make the runtime's own timeout %o", (heartbeatMs, behavior, settings) => {
  const app = uWS.App();
  const ws = vi.spyOn(app, "ws");
  bindSessions(app, "/*", createSessions({ heartbeatMs }), {}, { behavior });
  expect(ws.mock.calls[0]?.[1]).toMatchObject(settings);
});

test.each([
  [
    { heartbeatMs: 30_000, heartbeatTimeoutMs: 120_000 },
    { idleTimeout: 188, sendPingsAutomatically: false },
  ],
  [
    { heartbeatMs: 1_000, heartbeatTimeoutMs: 60_000 },
    { idleTimeout: 70, sendPingsAutomatically: false },
  ],
  [
    { heartbeatMs: 30_000, heartbeatTimeoutMs: 3_600_000 },
    { idleTimeout: 960, sendPingsAutomatically: true },
  ],
])("the runtime's own timeout is longer than the silence that %o allows: %o", (options, settings) => {
  const app = uWS.App();
  const ws = vi.spyOn(app, "ws");
  bindSessions(app, "/*", createSessions(options), {});
  expect(ws.mock.calls[0]?.[1]).toMatchObject(settings);
});

test("a peer that reads a part of the data that was queued before close, and no more, does not keep its socket", async () => {
  const closed = new Journal<number>();
  const sessions = createSessions({ initial: () => ({ n: 0 }), heartbeatMs: 500 });
  const port = await serve(sessions, {
    message(connection) {
      connection.send(Buffer.alloc(12 * 1024 * 1024));
      connection.close(4000);
    },
    close: (_, { code }) => closed.note(code),
  });
  const client = await upgraded(port);
  let read = 0;
  client.socket.on("data", ({ length }: Buffer) => {
    read += length;
    if (read > 2_000_000) client.socket.pause();
  });
  client.write(frame("x"));
  await closed.until(1);
  await until(() => client.socket.isPaused());
  // Nothing is told to one that does not read: what it writes is answered with a reset once the server's side is gone.
  const writing = setInterval(() => client.write(frame("y")), 100);
  onTestFinished(() => clearInterval(writing));
  await client.closed;
  expect(closed.entries).toEqual([4000]);
});

test("several patterns of one app, and plain HTTP beside them, do not affect one another", async () => {
  const app = uWS.App();
  app.get("/health", (response) => {
    response.end("well");
  });
  const journal = new Journal();
  const sessions = createSessions({ initial: () => ({ n: 0 }) });
  bindSessions(app, "/one", sessions, { message: (_, text) => journal.note(`one ${text}`) });
  const port = await serve(
    sessions,
    { message: (_, text) => journal.note(`two ${text}`) },
    { app, pattern: "/two" },
  );
  (await connect(port, "/one")).send("x");
  await journal.until(1);
  (await connect(port, "/two")).send("y");
  await journal.until(2);
  expect(journal.entries).toEqual(["one x", "two y"]);
  expect(await (await fetch(`http://127.0.0.1:${port}/health`)).text()).toBe("well");
});

test.each([
  ["a reserved opcode", Buffer.of(0x83, 0x80, 0, 0, 0, 0)],
  ["text that is not UTF-8", frame(Buffer.of(0xff, 0xfe), { opcode: Opcode.Text })],
  ["a control frame that is too long", frame(Buffer.alloc(126), { opcode: Opcode.Ping })],
  ["a message longer than maxPayloadLength", Buffer.of(0x82, 0xff, 0, 0, 0x7f, 0, 0, 0, 0, 0, 0, 0, 0, 0)],
])("%s ends its connection, once, and no other; the process lives", async (_, bytes) => {
  const journal = new Journal<string>();
  const sessions = createSessions<Data>();
  const port = await serve(sessions, { close: () => journal.note("close") });
  const bystander = await connect(port);
  const client = await upgraded(port);
  client.write(bytes);
  await journal.until(1);
  await bystander.roundTrip();
  expect(journal.entries).toEqual(["close"]);
  expect(sessions.connections.size).toBe(1);
});

test("a request that names WebSocket without asking to upgrade the connection is refused (RFC 6455 section 4.2.1)", async () => {
  const sessions = createSessions({ initial: () => ({ n: 0 }) });
  const port = await serve(sessions);
  const client = new RawClient(port);
  onTestFinished(() => client.destroy());
  client.write(
    Buffer.from(
      "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nUpgrade: websocket\r\n" +
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    ),
  );
  expect((await client.refusal).status).toBe(400);
  expect(sessions.connections.size).toBe(0);
});

test("an upgrade that was waited for is answered inside another socket's cork, where the runtime leaves it alone", async () => {
  const sessions = createSessions({
    store: mapStore(),
    initial: async () => {
      await macrotask();
      return { n: 0 };
    },
  });
  const socket: { corked: number } = { corked: 0 };
  const port = await serve(sessions, {
    open(connection) {
      const own = socketOf(connection);
      const cork = own.cork.bind(own);
      own.cork = (callback) => {
        socket.corked += 1;
        return cork(callback);
      };
    },
    message: (connection, text) => void connection.send(text),
  });
  const clients = [];
  for (let round = 0; round < 5; round += 1) clients.push(await connect(port));
  for (const client of clients) {
    client.send("still here");
    expect(await client.next()).toBe("still here");
  }
  expect(socket.corked).toBe(4);
});

test("a misspelt option throws, and is not ignored", () => {
  const misspelt = { handleProtocol: () => undefined } as never;
  expect(() => bindSessions(uWS.App(), "/*", createSessions(), {}, misspelt)).toThrow(
    expect.objectContaining({
      code: "INVALID_ARGUMENT",
      message: expect.stringContaining('"handleProtocol"'),
    }),
  );
});

test("an object that is not an app, and a missing pattern, are refused at once", () => {
  const sessions = createSessions();
  for (const [app, pattern] of [
    [{}, "/*"],
    [null, "/*"],
    [uWS.App(), sessions],
    [uWS.App(), undefined],
  ])
    expect(() => bindSessions(app as never, pattern as never, sessions, {})).toThrow(
      expect.objectContaining({ code: "INVALID_ARGUMENT" }),
    );
});
