import { createServer } from "node:http";
import type { Server as HttpServer } from "node:http";
import { createAdapter } from "@socket.io/redis-streams-adapter";
import { Redis } from "ioredis";
import { Server } from "socket.io";

/** Socket.IO with connection state recovery on Redis Streams, set up as in its documentation. The port of Redis is the first argument. */
export function recoveringServer(): {
  readonly http: HttpServer;
  readonly server: Server;
  readonly client: Redis;
} {
  const [port = ""] = process.argv.slice(2);
  const client = new Redis(Number(port), "127.0.0.1");
  const http = createServer();
  const server = new Server(http, {
    adapter: createAdapter(client),
    transports: ["websocket"],
    serveClient: false,
    connectionStateRecovery: { maxDisconnectionDuration: 120_000 },
  });
  return { http, server, client };
}
