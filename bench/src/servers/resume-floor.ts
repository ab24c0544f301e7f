// The minimum cost of restoring state from Redis with ws: one read before the answer, and one message on
// open. It checks no token, writes nothing, and informs no other process.
import { createServer } from "node:http";
import type { IncomingMessage } from "node:http";
import { Redis } from "ioredis";
import { WebSocketServer } from "ws";
import { listenHttp } from "./listen.ts";

const [port = ""] = process.argv.slice(2);
const client = new Redis(Number(port), "127.0.0.1");
const found = new WeakMap<IncomingMessage, Record<string, string>>();

const http = createServer();
const server = new WebSocketServer({
  server: http,
  verifyClient: ({ req }, answer) => {
    const key = `floor:${req.url?.split(/[/?]/)[1]}`;
    void client.hgetall(key).then(async (data) => {
      if (data["visits"] === undefined) await client.hset(key, { visits: "1" });
      found.set(req, data);
      answer(true);
    });
  },
});
server.on("connection", (socket, request) => {
  const visits = found.get(request)?.["visits"];
  socket.send(
    JSON.stringify({ id: "", token: "any", resumed: visits !== undefined, visits: Number(visits ?? 1) }),
  );
});
listenHttp(http, { connections: () => ({ connections: server.clients.size }) });
