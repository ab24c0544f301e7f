import { once } from "node:events";
import type { Socket } from "node:net";
import { bindSessions } from "@wsession/adapter-ws";
import { deferred, delay, frame, Journal, Opcode, until } from "@wsession/conformance";
import { createSessions, mapStore, queryToken } from "@wsession/core";
import type { Connection, Handlers, Sessions } from "@wsession/core";
import { expect, onTestFinished, test } from "vitest";
import type { WebSocket } from "ws";
import { expectAliveWhileReading, MIB, statusOf, upgraded } from "./peers.ts";
import { closeAll, ways } from "./servers.ts";

type Data = { readonly n: number };
type Conn = Connection<Data, unknown, never>;

async function serve(sessions: Sessions<Data, unknown, never>, handlers: Handlers<Data, unknown, never>) {
  const { server, address, http } = await ways.server();
  bindSessions(server, sessions, handlers);
  onTestFinished(async () => {
    await sessions.close();
    await closeAll(server, http);
  });
  const connected = once(server, "connection");
  return { port: address.port, tcp: connected.then(([, request]) => request.socket as Socket) };
}

/** Sessions whose connections may have a long answer waiting. */
function patientSessions(heartbeatMs: number): Sessions<Data, unknown, never> {
  return createSessions<Data>({ heartbeatMs, maxBufferedBytes: 64 * MIB, initial: () => ({ n: 0 }) });
}

test("after destroy() other listeners of the same socket get no event of a peer that ignores the close frame (fault A6)", async () => {
  const opened = deferred<Conn>();
  const sessions = createSessions<Data>({ initial: () => ({ n: 0 }) });
  const closed = new Journal<number>();
  const { port } = await serve(sessions, {
    open: (connection) => opened.resolve(connection),
    close: (_, { code }) => closed.note(code),
  });
  const client = await upgraded(port);
  const connection = await opened.promise;
  const socket = connection.socket as WebSocket;
  const received: string[] = [];
  const listen = () => {
    for (const event of ["message", "ping", "pong"] as const) socket.on(event, () => received.push(event));
    socket.addEventListener("message", () => received.push("DOM message"));
  };
  listen();
  const speak = () =>
    client.write(frame("x"), frame("", { opcode: Opcode.Ping }), frame("", { opcode: Opcode.Pong }));
  speak();
  await until(() => received.length === 4);
  const started = performance.now();
  const destroying = connection.session.destroy();
  await destroying;
  listen();
  speak();
  const flood = setInterval(speak, 50);
  await client.closed;
  clearInterval(flood);
  expect(received).toHaveLength(4);
  // ws alone would listen for 30 s.
  expect(performance.now() - started).toBeLessThan(20_000);
  await closed.until(1);
  expect(closed.entries).toEqual([4410]);
  expect(sessions.diagnostics.messagesDiscarded).toBe(0);
});

test("after terminate() nothing that was read already reaches a listener (fault A6)", async () => {
  const received: string[] = [];
  const closed = new Journal<number>();
  const sessions = createSessions<Data>({ initial: () => ({ n: 0 }) });
  const { port } = await serve(sessions, {
    open: ({ socket }) => void (socket as WebSocket).on("message", (data) => received.push(String(data))),
    message: (connection) => connection.terminate(),
    close: (_, { code }) => closed.note(code),
  });
  const client = await upgraded(port);
  client.write(frame("one"), frame("two"), frame("three"));
  await closed.until(1);
  expect(received).toEqual(["one"]);
});

test("a peer that answers no ping, but reads the data that is written, is alive as long as it reads (fault C1)", async () => {
  const closed = new Journal<number>();
  const sessions = patientSessions(1_000);
  // The runtime's own method writes no pings between the data.
  const { port } = await serve(sessions, {
    message: ({ socket }) => (socket as WebSocket).send(Buffer.alloc(24 * MIB)),
    close: (_, { code }) => closed.note(code),
  });
  await expectAliveWhileReading(port, closed);
});

test("a peer that closes its side and reads none of the waiting data does not stay for ever", async () => {
  const closed = new Journal<number>();
  const sessions = patientSessions(300);
  const { port } = await serve(sessions, {
    message: (connection) => connection.send(Buffer.alloc(24 * MIB)),
    close: (_, { code }) => closed.note(code),
  });
  const client = await upgraded(port);
  client.socket.pause();
  client.write(frame("go"));
  client.socket.end();
  await closed.until(1);
  expect(closed.entries).toHaveLength(1);
  expect(sessions.connections.size).toBe(0);
});

test("a time limit that the application has set on the TCP socket is kept", async () => {
  const sessions = patientSessions(200);
  const { port, tcp } = await serve(sessions, {
    message: (connection) => connection.send(Buffer.alloc(24 * MIB)),
  });
  const client = await upgraded(port);
  const socket = await tcp;
  const closed = once(socket, "close");
  socket.setTimeout(60_000);
  client.socket.pause();
  client.write(frame("go"));
  await delay(300);
  expect(socket.timeout).toBe(60_000);
  await closed;
});

test("onBadToken: close counts a peer that ignores the close frame as a pending handshake, and ends it after 2 s", async () => {
  const received = new Journal();
  const sessions = createSessions<Data>({
    store: mapStore(),
    token: queryToken(),
    onBadToken: "close",
    maxPendingHandshakes: 1,
    initial: () => ({ n: 0 }),
  });
  const { port } = await serve(sessions, {
    open: () => received.note("open"),
    message: () => received.note("message"),
  });
  const path = "/?token=nonsense";
  const peer = await upgraded(port, path);
  const refusedAt = performance.now();
  peer.write(frame("x"));
  expect(sessions.diagnostics.handshakesPending).toBe(1);
  expect(await statusOf(port, { path })).toBe(503);
  await peer.closed;
  expect(performance.now() - refusedAt).toBeGreaterThan(1_500);
  await until(() => sessions.diagnostics.handshakesPending === 0);
  expect(received.entries).toEqual([]);
  expect(await statusOf(port)).toBe(101);
});
