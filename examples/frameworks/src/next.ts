import { createServer } from "node:http";
import { join } from "node:path";
import next from "next";
import { listen, sessionsOfUsers } from "./started.ts";
import type { Started } from "./started.ts";
import { serveBeside } from "./upgrades.ts";

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
  // Next.js adds an `upgrade` listener of its own at the first request, for the HMR of `next dev`.
  serveBeside(server, sessions, (pathname) => pathname.startsWith("/_next/"));
  const started = await listen(server, sessions);
  return { ...started, close: () => started.close().then(() => app.close()) };
}
