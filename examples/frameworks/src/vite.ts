import { createServer } from "node:http";
import { createServer as createVite } from "vite";
import type { ViteDevServer } from "vite";
import { listen, sessionsOfUsers } from "./started.ts";
import type { Started } from "./started.ts";
import { serveBeside } from "./upgrades.ts";

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
  // Vite has no path of its own for HMR, but subprotocols: `vite-hmr` and `vite-ping`.
  serveBeside(
    server,
    sessions,
    (_, { headers }) => headers["sec-websocket-protocol"]?.startsWith("vite-") === true,
  );
  const started = await listen(server, sessions);
  return { ...started, vite, close: () => vite.close().then(() => started.close()) };
}
