// Socket.IO with connection state recovery on Redis Streams; each client is a room of its own, as its documentation has it.
import { createServer } from "node:http";
import { createAdapter } from "@socket.io/redis-streams-adapter";
import { Redis } from "ioredis";
import { Server } from "socket.io";
import { MESSAGE } from "../kit/load.ts";
import { listenHttp } from "./listen.ts";

const [port = ""] = process.argv.slice(2);
const client = new Redis(Number(port), "127.0.0.1");
const http = createServer();
const server = new Server(http, {
  adapter: createAdapter(client),
  transports: ["websocket"],
  serveClient: false,
  connectionStateRecovery: { maxDisconnectionDuration: 120_000 },
});
const AT_ONCE = 500;

listenHttp(http, {
  connections: () => ({ connections: server.of("/").sockets.size }),
  /** Sends this many messages, to all clients in turn. The messages are in the stream when it answers. */
  async send(argument: string) {
    const { messages }: { messages: number } = JSON.parse(argument);
    const rooms = [...server.of("/").sockets.keys()];
    for (let number = 0; number < messages; number += 1) {
      server.to(rooms[number % rooms.length] ?? "").emit("message", MESSAGE);
      if (number % AT_ONCE === AT_ONCE - 1) await client.ping();
    }
    await client.ping();
    return {};
  },
  async sendTo(argument: string) {
    const { id, messages }: { id: string; messages: number } = JSON.parse(argument);
    for (let number = 0; number < messages; number += 1) server.to(id).emit("message", MESSAGE);
    await client.ping();
    return {};
  },
});
