import { createServer } from "node:http";
import { bindSessions } from "@wsession/adapter-ws";
import { createServer as createVite } from "vite";
import type { ViteDevServer } from "vite";
import { WebSocketServer } from "ws";
import { listen, sessionsOfUsers } from "./started.ts";
import type { Started } from "./started.ts";

/** An application with Vite as its middleware, whose sockets and Vite's HMR share one HTTP server. */
export async function start(root: string): Promise<Started & { readonly vite: ViteDevServer }> {
  const sessions = sessionsOfUsers();
  const server = createServer();
  const vite = await createVite({
    root,
    configFile: false,
    appType: "custom",
    logLevel: "error",
    server: { middlewareMode: true, hmr: { server } },
  });
  server.on("request", vite.middlewares);
  // Not `{ server, path }`: ws would answer the upgrades of Vite, which have another path, with 400.
  const wss = new WebSocketServer({ noServer: true });
  bindSessions(wss, sessions, {
    message: (conn, text) => conn.send(`${conn.session.data.user}: ${text}`),
  });
  server.on("upgrade", (request, socket, head) => {
    if (new URL(request.url ?? "/", "http://localhost").pathname !== "/socket") return;
    wss.handleUpgrade(request, socket, head, (webSocket) => {
      wss.emit("connection", webSocket, request);
    });
  });
  const started = await listen(server, sessions);
  return { ...started, vite, close: () => vite.close().then(() => started.close()) };
}
