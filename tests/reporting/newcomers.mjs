// A server of uWebSockets.js on Redis, whose clients come and go one at a time.
import { bindSessions } from "@wsession/adapter-uws";
import { createSessions } from "@wsession/core";
import { redisStore } from "@wsession/store-redis";
import { Redis } from "ioredis";
import uWS from "uWebSockets.js";
import { WebSocket } from "ws";

const { redis, prefix, newcomers, ssl } = JSON.parse(process.argv[2] ?? "{}");
const client = new Redis(redis, "127.0.0.1");
// The default of two seconds is short for a busy machine.
const store = redisStore({ client, prefix, timeoutMs: 10_000 });
const sessions = createSessions({ store, initial: () => ({ n: 0 }) });
const app = ssl === undefined ? uWS.App() : uWS.SSLApp(ssl);
bindSessions(app, "/*", sessions, { message: (connection, data) => void connection.send(data) });
/** @type {Map<number, number>} */
const codes = new Map();

app.listen("127.0.0.1", 0, async (token) => {
  if (!token) throw new Error("uWS could not listen");
  const url = `${ssl === undefined ? "ws" : "wss"}://127.0.0.1:${uWS.us_socket_local_port(token)}`;
  for (let count = 0; count < newcomers; count += 1) {
    const code = await visit(url);
    codes.set(code, (codes.get(code) ?? 0) + 1);
  }
  process.send?.({ codes: Object.fromEntries(codes) });
  await sessions.close();
  client.disconnect();
  app.close();
  process.disconnect?.();
});

/**
 * Connects, is answered, and closes with 1000. Resolves with the code that the client got.
 *
 * @param {string} url
 * @returns {Promise<number>}
 */
function visit(url) {
  return new Promise((resolve) => {
    const socket = new WebSocket(url, { rejectUnauthorized: false });
    socket.on("open", () => socket.send("hello"));
    socket.on("message", () => socket.close(1000));
    socket.on("error", () => undefined);
    socket.on("close", resolve);
  });
}
