import { once } from "node:events";
import { createServer } from "node:http";
import { bindSessions } from "@wsession/adapter-ws";
import { createSessions, queryToken } from "@wsession/core";
import { redisStore } from "@wsession/store-redis";
import { Redis } from "ioredis";
import { WebSocketServer } from "ws";

/** A server with two probes. `deployment.yaml` beside this file is a Deployment that uses them. */
export async function start(redisUrl: string, port = 0) {
  const client = new Redis(redisUrl);
  client.on("error", () => undefined);
  const sessions = createSessions({
    store: redisStore({ client }),
    token: queryToken(),
    initial: () => ({ count: 0 }),
    onError: () => undefined,
  });
  // #region probes
  /** Milliseconds. An event loop that is blocked for this long will not recover. */
  const MAX_DELAY_MS = 10_000;

  const server = createServer((request, response) => {
    void sessions.health().then((health) => {
      const isProbed: Record<string, boolean | undefined> = {
        // No clients for a process that can't serve them: without its store, or while it shuts down.
        "/readyz": health.ok,
        // Only failures that a restart repairs. A restart of every process does not bring Redis back.
        "/livez": health.eventLoopDelayMs < MAX_DELAY_MS,
      };
      const isFine = isProbed[request.url ?? ""];
      response.writeHead(isFine === undefined ? 404 : isFine ? 200 : 503, { "Cache-Control": "no-store" });
      response.end(JSON.stringify(health));
    });
  });
  // #endregion
  const sockets = new WebSocketServer({ server });
  bindSessions(sockets, sessions, {
    message: (conn) => conn.session.update(({ count }) => ({ count: count + 1 })),
  });
  /** Milliseconds in which the load balancer detects that this process is not ready, and clients leave one after another. */
  const DRAIN_MS = 10_000;

  async function stop(drainMs: number = DRAIN_MS): Promise<void> {
    // From here on `/readyz` answers 503. The HTTP server goes on, so that the probe gets this answer.
    await sessions.close({ drainMs });
    server.close();
    // Node waits without a limit for a client whose request is not complete.
    setTimeout(() => server.closeAllConnections(), 5_000).unref();
    client.disconnect();
  }
  process.once("SIGTERM", () => void stop());
  server.listen(port);
  await once(server, "listening");
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("the server listens on a port");
  return { url: `http://127.0.0.1:${address.port}`, stop };
}
