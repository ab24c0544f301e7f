import { createServer } from "node:http";
import { bindSessions } from "@wsession/adapter-ws";
import { Server } from "socket.io";
import { WebSocketServer } from "ws";
import { listen, sessionsOfUsers } from "./started.ts";
import type { Started } from "./started.ts";

/**
 * `destroyUpgrade`: engine.io ends each upgrade that is not its own after a second, if nothing was answered until then. A login that
 * asks a slow database takes longer than that, so the option must be false; then the server itself answers unknown paths.
 */
export async function start(destroyUpgrade = false, admitMs = 0): Promise<Started> {
  const sessions = sessionsOfUsers(admitMs);
  const server = createServer();
  const io = new Server(server, { destroyUpgrade });
  io.on("connection", (socket) => {
    socket.on("echo", (text: string) => socket.emit("echo", `socket.io: ${text}`));
  });
  const wss = new WebSocketServer({ noServer: true });
  bindSessions(wss, sessions, {
    message: (conn, text) => conn.send(`${conn.session.data.user}: ${text}`),
  });
  server.on("upgrade", (request, socket, head) => {
    const { pathname } = new URL(request.url ?? "/", "http://localhost");
    if (pathname.startsWith("/socket.io/")) return;
    if (pathname !== "/socket") {
      socket.end("HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
      return;
    }
    wss.handleUpgrade(request, socket, head, (webSocket) => {
      wss.emit("connection", webSocket, request);
    });
  });
  const started = await listen(server, sessions);
  return { port: started.port, close: () => io.close().then(() => sessions.close()) };
}
