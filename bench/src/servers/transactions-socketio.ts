// Socket.IO with a de-duplication of its own for clients with `retries`, as its documentation has it: the client gives each
// message an id, and the server handles an id that Redis does not have yet. State, too, is in Redis. The answer is kept for a
// client that is away, by connection state recovery on Redis Streams.
import { createServer } from "node:http";
import { createAdapter } from "@socket.io/redis-streams-adapter";
import { Redis } from "ioredis";
import { Server } from "socket.io";
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
const KEPT_SECONDS = 300;

server.on("connection", (socket) => {
  const { id } = socket;
  socket.on("visit", async (messageId: string, acknowledge: () => void) => {
    const isNew = await client.set(`seen:${messageId}`, "1", "EX", KEPT_SECONDS, "NX");
    if (isNew !== null) {
      const visits = await client.hincrby(`state:${id}`, "visits", 1);
      server.to(id).emit("answer", `visit ${visits}`);
    }
    acknowledge();
  });
});

listenHttp(http);
