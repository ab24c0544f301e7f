/** A server in a process of its own, which can be killed: `runtime prefix host port` of Redis; reports its port. */
import { once } from "node:events";
import { bindSessions as bindUws } from "@wsession/adapter-uws";
import { bindSessions as bindWs } from "@wsession/adapter-ws";
import { cookieToken, createSessions } from "@wsession/core";
import { redisStore } from "@wsession/store-redis";
import { Redis } from "ioredis";
import uWS from "uWebSockets.js";
import { WebSocketServer } from "ws";

const [runtime, prefix, host, port] = process.argv.slice(2);
const sessions = createSessions({
  // The default of two seconds is short for a busy machine.
  store: redisStore({ client: new Redis(Number(port), host ?? ""), prefix, timeoutMs: 10_000 }),
  token: cookieToken({ name: "sid", secure: false }),
  initial: () => ({ count: 0 }),
});
/** @type {import("@wsession/core").HandlersOf<typeof sessions>} */
const handlers = {
  async message(conn) {
    const { count } = await conn.session.update((data) => ({ count: data.count + 1 }));
    conn.send(String(count));
  },
};

if (runtime === "ws") {
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  await once(server, "listening");
  bindWs(server, sessions, handlers);
  const address = server.address();
  process.send?.(typeof address === "object" ? address?.port : undefined);
} else {
  const app = uWS.App();
  bindUws(app, "/*", sessions, handlers);
  app.listen("127.0.0.1", 0, (token) => process.send?.(uWS.us_socket_local_port(token)));
}
