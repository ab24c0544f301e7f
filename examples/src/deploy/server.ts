// One process of an application that is deployed without an interruption for its clients. See docs/deploying.md.
import { once } from "node:events";
import { createServer } from "node:http";
import { bindSessions } from "@wsession/adapter-ws";
import { createSessions, protocolToken } from "@wsession/core";
import { redisStore } from "@wsession/store-redis";
import { Redis } from "ioredis";
import { WebSocketServer } from "ws";

const { PORT = "8081", REDIS_URL = "redis://127.0.0.1:6379", DRAIN_MS = "10000" } = process.env;
const client = new Redis(REDIS_URL);
const sessions = createSessions({
  store: redisStore({ client }),
  token: protocolToken(),
  initial: () => ({ said: 0 }),
});

const http = createServer((_, response) => response.writeHead(404).end());
bindSessions(new WebSocketServer({ server: http }), sessions, {
  transaction(tx, message) {
    tx.update(({ said }) => ({ said: said + 1 }));
    tx.send(`heard: ${String(message)}`);
  },
});
http.listen(Number(PORT), "127.0.0.1");

// #region stop
process.once("SIGTERM", () => {
  void stop();
});

async function stop(): Promise<void> {
  // The server still listens during the call, so that new handshakes get 503 and the proxy tries another process.
  await sessions.close({ handover: true, drainMs: Number(DRAIN_MS) });
  http.close();
  // Node waits without a limit for a client whose request is not complete, so the remaining connections end after 5 s.
  setTimeout(() => http.closeAllConnections(), 5_000).unref();
  await once(http, "close");
  client.disconnect();
}
// #endregion
