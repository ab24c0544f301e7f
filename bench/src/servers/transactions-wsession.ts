// Counts each numbered message in its session, in Redis, and answers it: in a transaction, or with `message`, `update` and `send`.
import { createServer } from "node:http";
import { bindSessions } from "@wsession/adapter-ws";
import { createSessions, queryToken } from "@wsession/core";
import type { HandlersOf } from "@wsession/core";
import { redisStore } from "@wsession/store-redis";
import { Redis } from "ioredis";
import { WebSocketServer } from "ws";
import { sampleData } from "../kit/sample-data.ts";
import { listenHttp } from "./listen.ts";
import { PATIENCE_MS } from "../kit/patience.ts";

const [port = "", handler = ""] = process.argv.slice(2);
const sessions = createSessions({
  store: redisStore({ client: new Redis(Number(port), "127.0.0.1"), timeoutMs: PATIENCE_MS }),
  token: queryToken(),
  initial: () => sampleData(0, false),
});
const handlers: HandlersOf<typeof sessions> =
  handler === "transaction"
    ? {
        transaction(tx) {
          tx.update((data) => ({ ...data, visits: data.visits + 1 }));
          tx.send(`visit ${tx.data.visits}`);
        },
      }
    : {
        async message(conn) {
          const { visits } = await conn.session.update((data) => ({ ...data, visits: data.visits + 1 }));
          conn.send(`visit ${visits}`);
        },
      };
const http = createServer();
bindSessions(new WebSocketServer({ server: http }), sessions, handlers);
listenHttp(http);
