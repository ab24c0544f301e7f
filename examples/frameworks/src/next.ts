import { createServer } from "node:http";
import { join } from "node:path";
import { bindSessions } from "@wsession/adapter-ws";
import next from "next";
import { WebSocketServer } from "ws";
import { listen, sessionsOfUsers } from "./started.ts";
import type { Started } from "./started.ts";

/** A custom server of Next.js. In production: `dev: false`, after `next build`. */
export async function start(): Promise<Started> {
  const sessions = sessionsOfUsers();
  const server = createServer();
  const app = next({
    dev: true,
    dir: join(import.meta.dirname, "next-app"),
    quiet: true,
    httpServer: server,
  });
  await app.prepare();
  server.on("request", app.getRequestHandler());
  const wss = new WebSocketServer({ noServer: true });
  bindSessions(wss, sessions, {
    message: (conn, text) => conn.send(`${conn.session.data.user}: ${text}`),
  });
  server.on("upgrade", (request, socket, head) => {
    const { pathname } = new URL(request.url ?? "/", "http://localhost");
    // Next.js adds an `upgrade` listener of its own at the first request, for the HMR of `next dev`.
    if (pathname.startsWith("/_next/")) return;
    // Next.js answers no path that it does not know, and this program none that Next.js knows: the clients would wait.
    if (pathname !== "/socket") {
      socket.end("HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
      return;
    }
    wss.handleUpgrade(request, socket, head, (webSocket) => {
      wss.emit("connection", webSocket, request);
    });
  });
  const started = await listen(server, sessions);
  return { ...started, close: () => started.close().then(() => app.close()) };
}
