import type { Server } from "node:http";
import type { Duplex } from "node:stream";
import { bindSessions } from "@wsession/adapter-ws";
import type { HandlersOf } from "@wsession/core";
import { WebSocketServer } from "ws";
import { PLAIN_PATH, plainConnection } from "./plain.ts";
import type { PlainServing } from "./plain.ts";
import type { VisitorSessions } from "./session.ts";

export const SOCKET_PATH = "/session";
/** The limit of a message in bytes. The page's messages have less than 200. */
export const MAX_PAYLOAD: number = 4 * 1024;

/** Serves the sessions with ws, on an HTTP server. Returns a function that ends the plain connections. */
export function serveWithWs(
  server: Server,
  sessions: VisitorSessions,
  handlers: HandlersOf<VisitorSessions>,
  plain: PlainServing,
): () => void {
  const sockets = new WebSocketServer({ noServer: true, maxPayload: MAX_PAYLOAD });
  bindSessions(sockets, sessions, handlers);
  const plainSockets = plainServer(plain);
  const routes = new Map([
    [SOCKET_PATH, sockets],
    [PLAIN_PATH, plainSockets],
  ]);
  server.on("upgrade", (request, socket, head) => {
    const [path = "/"] = (request.url ?? "/").split("?", 1);
    const route = routes.get(path);
    if (route === undefined) return refuse(socket);
    route.handleUpgrade(request, socket, head, (opened) => route.emit("connection", opened, request));
  });
  return () => {
    for (const socket of plainSockets.clients) socket.terminate();
  };
}

function plainServer(plain: PlainServing): WebSocketServer {
  const server = new WebSocketServer({
    noServer: true,
    maxPayload: MAX_PAYLOAD,
    verifyClient: ({ origin }: { readonly origin: string }) => plain.origins.includes(origin),
  });
  server.on("connection", (socket) => {
    const ends = { send: (text: string) => socket.send(text), terminate: () => socket.terminate() };
    const connection = plainConnection(ends, plain);
    socket.on("message", (data) => connection.receive(Buffer.isBuffer(data) ? data.toString() : ""));
    socket.on("close", () => connection.closed());
    // An error such as a message over the limit. The close event follows.
    socket.on("error", () => {});
  });
  return server;
}

function refuse(socket: Duplex): void {
  socket.on("error", () => socket.destroy());
  socket.end("HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
}
