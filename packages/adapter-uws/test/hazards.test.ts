import { bindSessions } from "@wsession/adapter-uws";
import {
  adapterCases,
  deferred,
  frame,
  Journal,
  macrotask,
  Opcode,
  runAdapterCase,
  until,
} from "@wsession/conformance";
import { createSessions } from "@wsession/core";
import type { Handlers } from "@wsession/core";
import { expect, onTestFinished, test, vi } from "vitest";
import uWS from "uWebSockets.js";
import { upgraded } from "../../adapter-ws/test/peers.ts";
import { type Conn, type Data, connect, serve, socketOf } from "./bound-app.ts";
import { uwsHarness } from "./servers.ts";

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
  const observed = new Journal<boolean>();
  const kept: (string | Uint8Array)[] = [];
  const sessions = createSessions({ initial: () => ({ n: 0 }) });
  const handlers: Handlers<Data, unknown, never> = {
    message(_, data) {
      kept.push(data);
      observed.note(isWhole(data));
    },
  };
  const port = await serve(sessions, handlers, { binary: "borrowed" });
  const client = await connect(port);
  client.send(Buffer.of(1, 2, 3));
  await observed.until(1);
  await macrotask();
  expect(observed.entries).toEqual([true]);
  expect(isWhole(kept[0])).toBe(false);
});

test('binary: "borrowed" bytes that have to wait are copied nevertheless', async () => {
  const gate = deferred();
  const observed = new Journal<boolean>();
  const sessions = createSessions({ initial: () => ({ n: 0 }) });
  const handlers: Handlers<Data, unknown, never> = {
    open: () => gate.promise,
    message: (_, data) => observed.note(isWhole(data)),
  };
  const port = await serve(sessions, handlers, { binary: "borrowed" });
  const client = await connect(port);
  client.send(Buffer.of(1, 2, 3));
  await client.roundTrip();
  await macrotask();
  gate.resolve();
  await observed.until(1);
  expect(observed.entries).toEqual([true]);
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
  // A peer that does not read gets no event. Once the server's side is gone, the peer's next write is answered with a reset.
  const writing = setInterval(() => client.write(frame("y")), 100);
  onTestFinished(() => clearInterval(writing));
  await client.closed;
  expect(closed.entries).toEqual([4000]);
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

test.each(["of any characters and any size", "to its own client of v1.wsession and to others"])(
  "with compression, messages to a client of v1.wsession arrive unchanged: %s",
  async (name) => {
    const cases = adapterCases["messages to a client of v1.wsession"] ?? [];
    const one = cases.find((each) => each.name.includes(name)) ?? expect.fail(`no case is called "${name}"`);
    await runAdapterCase(one, uwsHarness({ behavior: { compression: uWS.SHARED_COMPRESSOR } }));
  },
);
