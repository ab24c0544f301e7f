// A server with the handler of docs/transactions.md. argv[2]: JSON { redis, postgres, prefix, fault }. Sends its port to its parent.
import { bindSessions } from "@wsession/adapter-ws";
import { createSessions, protocolToken } from "@wsession/core";
import { redisStore } from "@wsession/store-redis";
import { Redis } from "ioredis";
import process from "node:process";
import postgres from "postgres";
import { WebSocketServer } from "ws";
import { handlersWith } from "../dist/pages/transactions-sql.js";

const { redis, postgres: port, prefix, fault } = JSON.parse(process.argv[2]);

const sql = postgres({
  host: "127.0.0.1",
  port,
  username: "postgres",
  database: "postgres",
  max: 1,
  ssl: false,
});
const sessions = createSessions({
  store: redisStore({ client: new Redis(redis, "127.0.0.1"), prefix, timeoutMs: 10_000 }),
  token: protocolToken(),
  initial: () => ({ orders: 0 }),
});

let transactions = 0;

/** The fault happens once, between the commit of the database and that of the session. */
const database = {
  async begin(work) {
    await sql.begin(work);
    transactions += 1;
    if (transactions > 1) return;
    if (fault === "killed") process.kill(process.pid, "SIGKILL");
    if (fault === "conflict")
      for (const { session } of sessions.connections)
        await (await sessions.get(session.id))?.patch({ by: "another writer" });
  },
};

const server = new WebSocketServer({ host: "127.0.0.1", port: 0 });
bindSessions(
  server,
  sessions,
  handlersWith(database, (message) => ({ item: String(message) })),
);
server.on("listening", () => process.send({ port: server.address().port }));
