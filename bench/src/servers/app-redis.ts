// An application as it would be: sessions in Redis, with subjects; it greets each connection with what it holds.
import { createServer } from "node:http";
import { bindSessions } from "@wsession/adapter-ws";
import { accept, createSessions, queryToken } from "@wsession/core";
import { redisStore } from "@wsession/store-redis";
import { Redis } from "ioredis";
import { WebSocketServer } from "ws";
import { sampleData } from "../kit/sample-data.ts";
import { listenHttp } from "./listen.ts";

const [port = "", size = "small"] = process.argv.slice(2);
const client = new Redis(Number(port), "127.0.0.1");
let errors = 0;

/** `/subject/number` is the path. */
const sessions = createSessions({
  store: redisStore({ client }),
  token: queryToken(),
  admit: ({ url }) => accept({ subject: url.split(/[/?]/)[1] }),
  initial: ({ url }) => sampleData(Number(url.split(/[/?]/)[2]), size === "large"),
  onError: () => {
    errors += 1;
  },
});

const http = createServer();
bindSessions(new WebSocketServer({ server: http }), sessions, {
  open(conn) {
    const { id, data } = conn.session;
    conn.send(JSON.stringify({ id, token: conn.token, resumed: conn.resumed, visits: data.visits }));
  },
});
listenHttp(http, {
  errors: () => ({ errors }),
  connections: () => ({ connections: sessions.connections.size }),
});
