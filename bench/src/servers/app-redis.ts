// A typical application: sessions in Redis, with subjects. It greets each connection with the data of its session, and echoes messages.
// Arguments: port of Redis, size of the data, runtime, sweepMs.
import { createServer } from "node:http";
import { bindSessions as bindUws } from "@wsession/adapter-uws";
import { bindSessions as bindWs } from "@wsession/adapter-ws";
import { accept, createSessions, queryToken } from "@wsession/core";
import type { HandlersOf } from "@wsession/core";
import { redisStore } from "@wsession/store-redis";
import { Redis } from "ioredis";
import uWS from "uWebSockets.js";
import { WebSocketServer } from "ws";
import { sampleData } from "../kit/sample-data.ts";
import { listenHttp, listenUws } from "./listen.ts";
import { PATIENCE_MS } from "../kit/patience.ts";

const [port = "", size = "small", runtime = "ws", sweepMs = "30000"] = process.argv.slice(2);
const client = new Redis(Number(port), "127.0.0.1");
let errors = 0;

/** `/subject/number` is the path. */
const sessions = createSessions({
  store: redisStore({ client, sweepMs: Number(sweepMs), timeoutMs: PATIENCE_MS }),
  token: queryToken(),
  admit: ({ url }) => accept({ subject: url.split(/[/?]/)[1] }),
  initial: ({ url }) => sampleData(Number(url.split(/[/?]/)[2]), size === "large"),
  onError: () => {
    errors += 1;
  },
});

const handlers: HandlersOf<typeof sessions> = {
  open(conn) {
    const { id, data } = conn.session;
    conn.send(JSON.stringify({ id, token: conn.token, resumed: conn.resumed, visits: data.visits }));
  },
  message(conn, text) {
    conn.send(text);
  },
};
const questions = {
  errors: () => ({ errors }),
  connections: () => ({ connections: sessions.connections.size }),
};

if (runtime === "uws") {
  const app = uWS.App();
  bindUws(app, "/*", sessions, handlers);
  listenUws(app, questions);
} else {
  const http = createServer();
  bindWs(new WebSocketServer({ server: http }), sessions, handlers);
  listenHttp(http, questions);
}
