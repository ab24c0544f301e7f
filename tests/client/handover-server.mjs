// One process of an application on Redis, of either runtime. SIGTERM hands its clients over to another process, as a deploy does.
import { bindSessions as bindUws } from "@wsession/adapter-uws";
import { bindSessions as bindWs } from "@wsession/adapter-ws";
import { accept, createSessions, protocolToken } from "@wsession/core";
import { redisStore } from "@wsession/store-redis";
import { Redis } from "ioredis";
import process from "node:process";
import uWS from "uWebSockets.js";
import { WebSocketServer } from "ws";

const { redis, prefix, runtime, drainMs, storeMs, exclusive } = JSON.parse(process.argv[2] ?? "{}");
const client = new Redis(redis, "127.0.0.1");
client.on("error", () => undefined);

const sessions = createSessions({
  store: redisStore({ client, prefix, timeoutMs: storeMs }),
  token: protocolToken(),
  exclusive,
  leaveAfterMs: 60_000,
  admit: ({ url }) => accept({ subject: new URL(url, "ws://x").searchParams.get("as") ?? undefined }),
  initial: () => ({ said: /** @type {string[]} */ ([]) }),
  // The tests stop Redis and cut connections.
  onError: () => undefined,
});

/** @type {import("@wsession/core").HandlersOf<typeof sessions>} */
const handlers = {
  transaction(tx, message) {
    tx.update(({ said }) => ({ said: [...said, String(message)] }));
    tx.send(`got ${String(message)}`);
  },
};

/** @param {number} port */
const ready = (port) => process.send?.({ port });
if (runtime === "ws") {
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  bindWs(server, sessions, handlers);
  server.on("listening", () => {
    const address = server.address();
    if (address !== null && typeof address === "object") ready(address.port);
  });
} else {
  const app = uWS.App();
  bindUws(app, "/*", sessions, handlers);
  app.listen("127.0.0.1", 0, (token) => {
    if (token) ready(uWS.us_socket_local_port(token));
  });
}
process.on("SIGTERM", () => {
  void sessions.close({ handover: true, drainMs }).then(() => process.exit(0));
});
