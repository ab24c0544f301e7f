import type { IncomingMessage, Server } from "node:http";
import { bindSessions } from "@wsession/adapter-ws";
import type { Sessions } from "@wsession/core";
import { WebSocketServer } from "ws";
import type { Visitor } from "./started.ts";

/**
 * Serves `/socket` beside another framework on one HTTP server. Node calls every `upgrade` listener, so this one ignores the
 * paths of the other framework. It refuses all remaining paths, because a client waits for ever if no listener answers.
 *
 * Do not use `{ server, path }`: ws would answer the handshakes of the other framework with 400.
 */
export function serveBeside(
  server: Server,
  sessions: Sessions<Visitor, unknown, never>,
  isOther: (pathname: string, request: IncomingMessage) => boolean,
): void {
  const wss = new WebSocketServer({ noServer: true });
  bindSessions(wss, sessions, {
    message: (conn, text) => conn.send(`${conn.session.data.user}: ${text}`),
  });
  server.on("upgrade", (request, socket, head) => {
    const { pathname } = new URL(request.url ?? "/", "http://localhost");
    if (isOther(pathname, request)) return;
    if (pathname !== "/socket") {
      socket.end("HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
      return;
    }
    wss.handleUpgrade(request, socket, head, (webSocket) => {
      wss.emit("connection", webSocket, request);
    });
  });
}
