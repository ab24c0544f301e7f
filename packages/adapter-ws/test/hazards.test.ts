import { once } from "node:events";
import { createServer } from "node:http";
import type { IncomingMessage } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { Duplex } from "node:stream";
import { bindSessions } from "@wsession/adapter-ws";
import { deferred, frame, Journal, macrotask, Opcode, until } from "@wsession/conformance";
import { createSessions } from "@wsession/core";
import type { Connection } from "@wsession/core";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { WebSocketServer } from "ws";
import type { WebSocket } from "ws";
import { raw } from "./peers.ts";
import { closeAll, ways } from "./servers.ts";
import { type Data, connect, serve } from "./bound-server.ts";

describe("ws itself", () => {
  test("an object that is not a server of ws is refused at once", () => {
    for (const other of [createServer(), {}, null, "server"] as never[])
      expect(() => bindSessions(other, createSessions(), {})).toThrow(
        expect.objectContaining({ code: "INVALID_ARGUMENT" }),
      );
  });

  test("a server can be bound once", async () => {
    const sessions = createSessions<Data>();
    const { server } = await serve("port", {}, sessions);
    expect(() => bindSessions(server, sessions, {})).toThrow(
      expect.objectContaining({ code: "INVALID_ARGUMENT" }),
    );
  });

  test("a bind that threw leaves the server unbound: the next one succeeds", async () => {
    const sessions = createSessions<Data>();
    const { server, http } = await ways.port();
    onTestFinished(() => closeAll(server, http));
    expect(() => bindSessions(server, sessions, { message: 1 } as never)).toThrow(
      expect.objectContaining({ code: "INVALID_ARGUMENT" }),
    );
    expect(bindSessions(server, sessions, {}).size).toBe(0);
  });

  test.each(["nodebuffer", "arraybuffer", "fragments"] as const)(
    "messages are text and bytes whatever binaryType the user chose: %s",
    async (binaryType) => {
      const observed = new Journal<string | Uint8Array>();
      const sessions = createSessions({ initial: () => ({ n: 0 }) });
      const { port, server } = await serve("port", {}, sessions, {
        message: (_, data) => observed.note(data),
      });
      server.on("connection", (socket) => {
        socket.binaryType = binaryType;
      });
      const client = await connect(port);
      client.send("text");
      client.send(Buffer.of(1, 2, 3));
      client.socket.send(Buffer.of(4), { fin: false });
      client.socket.send(Buffer.of(5), { fin: true });
      await observed.until(3);
      expect(observed.entries[0]).toBe("text");
      expect(observed.entries.slice(1).every((data) => data instanceof Uint8Array)).toBe(true);
      expect(observed.entries.slice(1).map((data) => [...Buffer.from(data)])).toEqual([
        [1, 2, 3],
        [4, 5],
      ]);
    },
  );

  test("I3 a Blob, which can't be read at once, is reported and closes its connection; the process lives", async () => {
    const observed: (string | Uint8Array)[] = [];
    const errors = new Journal<unknown>();
    const sessions = createSessions({ initial: () => ({ n: 0 }), onError: (error) => errors.note(error) });
    const { port, server } = await serve("port", {}, sessions, {
      message: (_, data) => void observed.push(data),
    });
    server.on("connection", (socket) => {
      socket.binaryType = "blob" as never;
    });
    const client = await connect(port);
    client.send("text");
    client.send(Buffer.of(1));
    client.send("after what was lost");
    expect((await client.closed).code).toBe(1011);
    await until(() => sessions.connections.size === 0);
    expect(errors.entries).toEqual([expect.objectContaining({ code: "INVALID_ARGUMENT" })]);
    expect(observed).toEqual(["text"]);
  });

  test("I3 a peer that has ended its side still gets all that was queued", async () => {
    const length = 16 * 1024 * 1024;
    const arrived = deferred<{ readonly connection: Connection<Data>; readonly tcp: Socket }>();
    const sessions = createSessions({
      initial: () => ({ n: 0 }),
      heartbeatMs: 0,
      maxBufferedBytes: 4 * length,
    });
    const { port, server } = await serve("port", { perMessageDeflate: false }, sessions);
    server.on("connection", (socket, { socket: tcp }) => {
      const connection = sessions.of(socket);
      if (connection !== undefined) arrived.resolve({ connection, tcp });
    });
    const client = raw(port);
    client.upgrade();
    const { connection, tcp } = await arrived.promise;
    await client.response;
    let read = 0;
    const firstGone = deferred();
    client.socket.on("data", (chunk: Buffer) => {
      read += chunk.length;
      if (tcp.writableEnded || connection.bufferedAmount > 1.5 * length) return;
      client.socket.pause();
      firstGone.resolve();
    });
    const send = () => connection.send(Buffer.alloc(length));
    expect([send(), send()]).toEqual(["queued", "queued"]);
    await firstGone.promise;
    // When the adapter checks whether all is sent, the second message is under way, and this message is behind the second.
    expect(send()).toBe("queued");
    client.socket.end();
    await until(() => tcp.writableEnded);
    client.socket.resume();
    await client.closed;
    expect(read).toBeGreaterThan(3 * length);
  });

  test("a peer whose socket was paused does not count as dead when a heartbeat comes before the socket is read again", async () => {
    const opened = deferred<Connection<Data>>();
    const sessions = createSessions({ initial: () => ({ n: 0 }), heartbeatMs: 0 });
    const bind = vi.spyOn(sessions, "bind");
    const { port } = await serve("port", {}, sessions, { open: (connection) => opened.resolve(connection) });
    const [runtime = expect.unreachable()] = bind.mock.calls[0] ?? [];
    const client = await connect(port);
    const socket = (await opened.promise).socket as WebSocket;
    runtime.heartbeat(socket);
    runtime.pause?.(socket);
    runtime.heartbeat(socket);
    runtime.resume?.(socket);
    runtime.heartbeat(socket);
    await client.roundTrip();
    expect(sessions.connections.size).toBe(1);
  });

  test("a peer behind a Duplex that does not count its bytes is alive while it answers pings, and dead when not", async () => {
    const closed = new Journal<number>();
    const sessions = createSessions({ initial: () => ({ n: 0 }), heartbeatMs: 200 });
    const http = createServer().listen(0, "127.0.0.1");
    await once(http, "listening");
    const server = new WebSocketServer({ noServer: true });
    http.on("upgrade", (request, socket: Socket, head) => {
      const duplex = Duplex.from({ readable: socket, writable: socket });
      const tunnelled = Object.create(request, { socket: { value: duplex } }) as IncomingMessage;
      server.handleUpgrade(tunnelled, duplex, head, (webSocket) => {
        server.emit("connection", webSocket, tunnelled);
      });
    });
    bindSessions(server, sessions, { close: (_, { code }) => closed.note(code) });
    onTestFinished(() => closeAll(server, http));
    const { port } = http.address() as AddressInfo;
    const client = await connect(port);
    let pings = 0;
    client.socket.on("ping", () => (pings += 1));
    await until(() => pings >= 4);
    await client.roundTrip();
    const silent = raw(port);
    silent.upgrade();
    await closed.until(1);
    expect(closed.entries).toEqual([1006]);
    expect(sessions.connections.size).toBe(1);
  });

  test("drain comes after messages that were compressed on a thread", async () => {
    const drained = new Journal<number>();
    const sessions = createSessions({ initial: () => ({ n: 0 }) });
    const { port } = await serve("port", { perMessageDeflate: { threshold: 0 } }, sessions, {
      open: (connection) => {
        expect(connection.send("x".repeat(500_000))).toBe("queued");
      },
      drain: (connection) => drained.note(connection.bufferedAmount),
    });
    const client = await connect(port);
    expect(await client.next()).toHaveLength(500_000);
    await drained.until(1);
    await macrotask();
    expect(drained.entries).toEqual([0]);
  });

  test("a peer that is in the middle of a long message is alive, though no pong can overtake it", async () => {
    const observed = new Journal<number>();
    const sessions = createSessions({ initial: () => ({ n: 0 }), heartbeatMs: 200 });
    const { port } = await serve("port", {}, sessions, { message: (_, data) => observed.note(data.length) });
    const client = raw(port);
    client.upgrade();
    await client.response;
    const whole = frame(Buffer.alloc(20_000, 1));
    for (let sent = 0; sent < whole.length; sent += 1_000) {
      client.write(whole.subarray(sent, sent + 1_000));
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
    await observed.until(1);
    expect(observed.entries).toEqual([20_000]);
  });

  test.each([
    ["a reserved opcode", Buffer.of(0x83, 0x80, 0, 0, 0, 0)],
    ["an unmasked frame", Buffer.of(0x81, 0x01, 0x41)],
    ["text that is not UTF-8", frame(Buffer.of(0xff, 0xfe), { opcode: Opcode.Text })],
    ["a continuation of nothing", frame("x", { opcode: Opcode.Continuation })],
    ["a control frame that is too long", frame(Buffer.alloc(126), { opcode: Opcode.Ping })],
    ["a message longer than maxPayload", Buffer.of(0x82, 0xff, 0, 0, 0x7f, 0, 0, 0, 0, 0, 0, 0, 0, 0)],
  ])("%s ends its connection, once, and no other; the process lives", async (_, bytes) => {
    const journal = new Journal<string>();
    const sessions = createSessions<Data>({ onError: () => undefined });
    const { port } = await serve("port", {}, sessions, { close: () => journal.note("close") });
    const bystander = await connect(port);
    const client = raw(port);
    client.upgrade();
    await client.response;
    client.write(bytes);
    await journal.until(1);
    await bystander.roundTrip();
    expect(journal.entries).toEqual(["close"]);
    expect(sessions.connections.size).toBe(1);
  });
});
