// The minimum cost of a replay from Redis with ws: one read of the missed messages after the client's first frame. With the argument
// "two" also one read of the session before the 101. The server checks no token and no position, writes nothing during a return, and
// informs no other process.
import { randomBytes } from "node:crypto";
import { createServer } from "node:http";
import type { Socket } from "node:net";
import { parseClientControl, SUBPROTOCOL, writeKept, writeServerControl } from "@wsession/protocol";
import { Redis } from "ioredis";
import { type WebSocket, WebSocketServer } from "ws";
import { MESSAGE } from "../kit/load.ts";
import { listenHttp } from "./listen.ts";

const [port = "", reads = "one"] = process.argv.slice(2);
const client = new Redis(Number(port), "127.0.0.1");
/** The chain of each position, because this server does not compare positions. */
const CHAIN = 1;
const sessionKey = (id: string): string => `replay-floor:${id}`;
const listKey = (id: string): string => `${sessionKey(id)}:kept`;

const http = createServer();
const server = new WebSocketServer({
  server: http,
  handleProtocols: () => SUBPROTOCOL,
  verifyClient: ({ req }, answer) => {
    const id = req.url?.split("token=")[1];
    if (reads === "one" || id === undefined) answer(true);
    else void client.hgetall(sessionKey(id)).then((data) => answer(data["visits"] !== undefined));
  },
});
server.on("connection", (socket, request) => {
  socket.once("message", (frame) => void replay(socket, request.socket, String(frame)));
});

async function replay(socket: WebSocket, tcp: Socket, frame: string): Promise<void> {
  const attach = parseClientControl(frame);
  if (attach.type !== "attach") return socket.terminate();
  const id = attach.session ?? randomBytes(16).toString("base64url");
  const at = attach.at ?? { offset: 0, chain: CHAIN };
  if (attach.session === undefined) await client.hset(sessionKey(id), { visits: "1" });
  const kept = await client.lrange(listKey(id), at.offset, -1);
  const hello = writeServerControl({
    type: "hello",
    session: id,
    lasting: true,
    resumed: attach.session !== undefined,
    mode: "message",
    record: false,
    settled: 0,
    refused: [],
    floor: 0,
    mark: 0,
    at,
    last: at.offset + kept.length,
    missed: undefined,
    beatMs: 0,
    maxMessage: 65_536,
    acks: false,
    protocol: "",
    token: id,
  });
  // One write for all frames.
  tcp.cork();
  socket.send(hello);
  for (const message of kept) socket.send(message);
  tcp.uncork();
}

listenHttp(http, {
  connections: () => ({ connections: server.clients.size }),
  /** Keeps this many messages, as the frames that a client gets. */
  async sendTo(argument: string) {
    const { id, messages }: { id: string; messages: number } = JSON.parse(argument);
    const frames = Array.from({ length: messages }, () =>
      String(writeKept({ chain: CHAIN, message: MESSAGE })),
    );
    await client.rpush(listKey(id), ...frames);
    return {};
  },
});
