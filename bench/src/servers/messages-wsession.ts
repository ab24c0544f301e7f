// Keeps messages for its clients, in Redis, or in this process if the port is 0. Echoes the clients' messages.
import { createServer } from "node:http";
import { bindSessions as bindUws } from "@wsession/adapter-uws";
import { bindSessions as bindWs } from "@wsession/adapter-ws";
import { createSessions, mapStore, queryToken } from "@wsession/core";
import type { HandlersOf } from "@wsession/core";
import { redisStore } from "@wsession/store-redis";
import { Redis } from "ioredis";
import uWS from "uWebSockets.js";
import { WebSocketServer } from "ws";
import { watchStore } from "../kit/counted-client.ts";
import { MESSAGE } from "../kit/load.ts";
import { sampleData } from "../kit/sample-data.ts";
import { listenHttp, listenUws } from "./listen.ts";
import { PATIENCE_MS } from "../kit/patience.ts";

/** How many loops send at the same time. */
const SENDERS = 50;
const [port = "0", runtime = "ws"] = process.argv.slice(2);
const client = port === "0" ? undefined : new Redis(Number(port), "127.0.0.1");
const sent = client === undefined ? undefined : watchStore(client);
const sessions = createSessions({
  store: client === undefined ? mapStore() : redisStore({ client, timeoutMs: PATIENCE_MS }),
  token: queryToken(),
  initial: () => sampleData(0, false),
});
const handlers: HandlersOf<typeof sessions> = { message: (conn, text) => conn.send(text) };

const questions = {
  connections: () => ({ connections: sessions.connections.size }),
  commands: () => ({ commands: sent?.count ?? 0 }),
  /** Sends this many messages, to all sessions in turn, ten for each session and tick. Awaits the messages of each tick. */
  async send(argument: string) {
    const { messages, perTick }: { messages: number; perTick: number } = JSON.parse(argument);
    const targets = [...sessions.connections].map(({ session }) => session);
    let left = messages;
    const sender = async (number: number): Promise<void> => {
      for (let turn = number; left > 0; turn += 1) {
        const count = Math.min(perTick, left);
        left -= count;
        const session = targets[(turn * SENDERS + number) % targets.length];
        await Promise.all(Array.from({ length: count }, () => session?.send(MESSAGE)));
      }
    };
    await Promise.all(Array.from({ length: SENDERS }, (_, number) => sender(number)));
    return {};
  },
  /** Sends this many messages to one session, which may have no connection. */
  async sendTo(argument: string) {
    const {
      id,
      messages,
      text = MESSAGE,
    }: { id: string; messages: number; text?: string } = JSON.parse(argument);
    await Promise.all(Array.from({ length: messages }, () => sessions.send(id, text)));
    return {};
  },
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
