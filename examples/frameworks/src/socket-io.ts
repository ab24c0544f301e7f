import { createServer } from "node:http";
import { Server } from "socket.io";
import { listen, sessionsOfUsers } from "./started.ts";
import type { Started } from "./started.ts";
import { serveBeside } from "./upgrades.ts";

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
  serveBeside(server, sessions, (pathname) => pathname.startsWith("/socket.io/"));
  const started = await listen(server, sessions);
  return { port: started.port, close: () => io.close().then(() => sessions.close()) };
}
