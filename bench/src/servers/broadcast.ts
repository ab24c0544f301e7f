import { createServer } from "node:http";
import { bindSessions } from "@wsession/adapter-ws";
import { createSessions } from "@wsession/core";
import { WebSocketServer } from "ws";
import type { Questions } from "../kit/child.ts";
import { listenHttp } from "./listen.ts";

// A server that sends one message to all of its clients, with the compression of ws: bare ws, and ws with sessions.

const ENTRY =
  '{"room":"lobby","from":"somebody","at":1764172800000,"text":"a message of an ordinary length"}';
const TEXT = `[${Array.from({ length: 12 }, () => ENTRY).join(",")}]`;
const [name = "", compression = ""] = process.argv.slice(2);
const http = createServer();
const server = new WebSocketServer({ server: http, perMessageDeflate: compression === "compressed" });

function once(send: () => void): Questions {
  return {
    broadcast() {
      send();
      return {};
    },
  };
}

function bare(): Questions {
  server.on("connection", (socket) => socket.on("error", () => undefined));
  return once(() => {
    for (const socket of server.clients) socket.send(TEXT);
  });
}

function withSessions(): Questions {
  const sessions = createSessions({ initial: () => ({ count: 0 }), heartbeatMs: 0 });
  bindSessions(server, sessions, {});
  return once(() => {
    for (const connection of sessions.connections) connection.send(TEXT);
  });
}

listenHttp(http, name === "bare-ws" ? bare() : withSessions());
