// A server process of its own, to be killed: `server.mjs <port of Redis> <prefix> <port> [exclusive]`. Says "ready" once it listens.
// SIGTERM ends it as a deploy does.
import { bindSessions } from "@wsession/adapter-ws";
import { cookieToken, createSessions } from "@wsession/core";
import { redisStore } from "@wsession/store-redis";
import { Redis } from "ioredis";
import process from "node:process";
import { WebSocketServer } from "ws";

const [redisPort = "", prefix = "", port = "", mode] = process.argv.slice(2);
const sessions = createSessions({
  // On a busy machine Redis answers after more than the default of 2 s. The client would then read 4503.
  store: redisStore({ client: new Redis(Number(redisPort), "127.0.0.1"), prefix, timeoutMs: 20_000 }),
  token: cookieToken({ name: "wsession", secure: false }),
  outbox: { maxMessages: 6_000, maxBytes: 4 * 1024 * 1024 },
  exclusive: mode === "exclusive",
  initial: () => ({ said: /** @type {string[]} */ ([]) }),
});
const server = new WebSocketServer({ host: "127.0.0.1", port: Number(port) });
bindSessions(server, sessions, {
  async message(connection, data) {
    await connection.session.update(({ said }) => ({ said: [...said, String(data)] }));
  },
});
server.on("listening", () => process.stdout.write("ready\n"));
process.on("SIGTERM", () => {
  void sessions.close().then(() => process.exit(0));
});
