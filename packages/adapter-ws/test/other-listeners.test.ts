/** Other `upgrade` listeners of the same HTTP server that answer a handshake too. One of the two has to win, and the other must not write. */
import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import type { IncomingMessage } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { accept, createSessions, mapStore, reject } from "@wsession/core";
import { bindSessions } from "@wsession/adapter-ws";
import { deferred } from "@wsession/conformance";
import { expect, onTestFinished, test } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import { WebSocketServer as OtherWebSocketServer } from "ws-copy";

type Listener = (request: IncomingMessage, socket: Socket, head: Buffer) => void;

const ANSWERED = expect.stringMatching(/^adapter: SessionError: .*another upgrade listener/);

/** wsession's listener before or behind another one, and a login that ends when the test says so. */
async function serverWith(other: Listener, order: "first" | "second", isAdmitted = true) {
  const decision = deferred();
  const reports: string[] = [];
  const sessions = createSessions({
    store: mapStore(),
    admit: async () => {
      await decision.promise;
      return isAdmitted ? accept() : reject(401);
    },
    initial: () => ({ n: 0 }),
    onError: (error, { stage }) => reports.push(`${stage}: ${String(error)}`),
  });
  const wss = new WebSocketServer({ noServer: true });
  bindSessions(wss, sessions, {
    message: (connection, text) => connection.send(`wsession: ${String(text)}`),
  });
  const own: Listener = (request, socket, head) =>
    wss.handleUpgrade(request, socket, head, (webSocket) => wss.emit("connection", webSocket, request));
  const http = createServer();
  for (const listener of order === "first" ? [own, other] : [other, own]) http.on("upgrade", listener);
  http.listen(0, "127.0.0.1");
  await once(http, "listening");
  onTestFinished(async () => {
    decision.resolve();
    await sessions.close();
    http.closeAllConnections();
    http.close();
  });
  const socket = new WebSocket(`ws://127.0.0.1:${(http.address() as AddressInfo).port}/`);
  onTestFinished(() => socket.terminate());
  const failures: string[] = [];
  socket.on("error", ({ message }) => failures.push(message));
  return { socket, decision, reports, sessions, failures };
}

const servers = {
  "the same copy of ws": WebSocketServer,
  "another copy of ws": OtherWebSocketServer,
} as const;

for (const [copy, Server] of Object.entries(servers)) {
  for (const order of ["first", "second"] as const) {
    test.each([true, false])(
      `${copy}: its connection stays, and wsession, whose listener is the ${order}, writes nothing and reports (admitted: %s)`,
      async (isAdmitted) => {
        const theirs = new Server({ noServer: true });
        const taken: Listener = (request, socket, head) =>
          theirs.handleUpgrade(request, socket, head, (webSocket) => {
            webSocket.on("message", (text: Buffer) => webSocket.send(`other: ${String(text)}`));
          });
        const { socket, decision, reports, sessions, failures } = await serverWith(taken, order, isAdmitted);
        await once(socket, "open");
        decision.resolve();
        await expect.poll(() => reports).toEqual([ANSWERED]);
        socket.send("hello");
        expect(String((await once(socket, "message"))[0])).toBe("other: hello");
        expect(failures).toEqual([]);
        expect(sessions.connections.size).toBe(0);
        for await (const session of sessions.entries()) expect.unreachable(session.id);
      },
    );
  }
}

test("a listener that refuses the handshake while admit runs: the client has its status, and wsession writes nothing", async () => {
  for (const order of ["first", "second"] as const) {
    const { socket, decision, failures, sessions } = await serverWith((_request, stream) => {
      stream.end("HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
    }, order);
    await new Promise((resolve) => void socket.once("close", resolve));
    decision.resolve();
    await expect.poll(() => sessions.diagnostics.sessionsCreated).toBe(1);
    for await (const session of sessions.entries()) expect.unreachable(session.id);
    expect(failures).toEqual(["Unexpected server response: 404"]);
  }
});

test("a listener that answers with 101 by itself keeps the stream: wsession writes nothing into it, and reports", async () => {
  const streams: Socket[] = [];
  const { socket, decision, reports, failures } = await serverWith((request, stream) => {
    streams.push(stream);
    const key = `${request.headers["sec-websocket-key"]}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`;
    const accepted = createHash("sha1").update(key).digest("base64");
    const head = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n";
    stream.write(`${head}Sec-WebSocket-Accept: ${accepted}\r\n\r\n`);
  }, "first");
  await once(socket, "open");
  const written = streams[0]?.bytesWritten;
  expect(written).toBeGreaterThan(0);
  decision.resolve();
  await expect.poll(() => reports).toEqual([ANSWERED]);
  expect(streams[0]?.bytesWritten).toBe(written);
  expect([socket.readyState, failures]).toEqual([socket.OPEN, []]);
});
