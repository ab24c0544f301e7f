// A small application on ws and its client: smallest.ts [PORT of Redis]. deno-run.ts tries which permissions Deno has to grant it.
// Prints "ok" once a message was answered with a change of the session.
import { bindSessions } from "@wsession/adapter-ws";
import { cookieToken, createSessions, mapStore } from "@wsession/core";
import { redisStore } from "@wsession/store-redis";
import { Redis } from "ioredis";
import process from "node:process";
import { WebSocketServer } from "ws";

const port = process.argv[2];
const sessions = createSessions({
  store:
    port === undefined
      ? mapStore()
      : redisStore({ client: new Redis(Number(port)), prefix: "permissions", timeoutMs: 10_000 }),
  token: cookieToken({ name: "sid", secure: false }),
  initial: () => ({ n: 0 }),
});
const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
bindSessions(server, sessions, {
  async message(conn) {
    const { n } = await conn.session.update((data) => ({ n: data.n + 1 }));
    conn.send(String(n));
  },
});
server.on("listening", () => {
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the server has no port");
  const client = new WebSocket(`ws://127.0.0.1:${address.port}/`);
  client.addEventListener("open", () => client.send("hello"));
  client.addEventListener("message", ({ data }) => {
    process.stdout.write(data === "1" ? "ok\n" : `${data}\n`, () => process.exit(0));
  });
});
