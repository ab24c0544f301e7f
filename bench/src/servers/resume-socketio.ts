// Socket.IO with connection state recovery on Redis Streams, as its documentation sets it up.
import { createServer } from "node:http";
import { createAdapter } from "@socket.io/redis-streams-adapter";
import { Redis } from "ioredis";
import { Server } from "socket.io";
import { sampleData } from "../kit/sample-data.ts";
import { listenHttp } from "./listen.ts";

const [port = ""] = process.argv.slice(2);
const http = createServer();
const server = new Server(http, {
  adapter: createAdapter(new Redis(Number(port), "127.0.0.1")),
  transports: ["websocket"],
  serveClient: false,
  connectionStateRecovery: { maxDisconnectionDuration: 120_000 },
});
let newcomers = 0;
server.on("connection", (socket) => {
  if (!socket.recovered) socket.data = sampleData((newcomers += 1), false);
  socket.emit("greeting", { resumed: socket.recovered, visits: socket.data.visits });
});
listenHttp(http, { connections: () => ({ connections: server.of("/").sockets.size }) });
