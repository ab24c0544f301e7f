import { createAdapter } from "@socket.io/redis-streams-adapter";
import { Redis } from "ioredis";
import { Server } from "socket.io";
import { io } from "socket.io-client";
import type { Socket } from "socket.io-client";
import { deploy, settled } from "./load.ts";
import type { Size } from "./load.ts";
import { Moves, Sequence } from "./moves.ts";
import type { Outcome } from "./wsession.ts";

interface Peer {
  readonly socket: Socket;
  readonly user: string;
  readonly received: Sequence;
  sent: number;
  kept: number;
}

/** Socket.IO with connection state recovery, and with retries on the client: its "at least once". */
export async function socketioDeploy(redisPort: number, size: Size): Promise<Outcome> {
  const deployment = await deploy("deploy-socketio", redisPort, size);
  const redis = new Redis(redisPort, "127.0.0.1");
  const server = new Server({ adapter: createAdapter(redis) });
  const moves = new Moves();
  const peers: Peer[] = [];
  let pending = 0;
  try {
    while (peers.length < size.clients) {
      const batch = Math.min(50, size.clients - peers.length);
      const first = peers.length;
      const opened = Array.from({ length: batch }, (_, index) =>
        open(deployment.balancer.url(), `u${first + index}`, moves),
      );
      peers.push(...(await Promise.all(opened)));
    }
    let turn = 0;
    await deployment.restartAll(moves, size, () => {
      const peer = peers[(turn += 1) % peers.length];
      if (peer === undefined) return;
      pending += 1;
      // Called once the server has acknowledged the message, or after the last retry.
      peer.socket.emit("number", peer.sent, () => (pending -= 1));
      peer.sent += 1;
      server.to(peer.user).emit("number", peer.kept);
      peer.kept += 1;
    });
    await settled(() => pending === 0 && peers.every(({ received, kept }) => received.next === kept));
    let [lost, doubled] = [0, 0];
    for (const { user, sent, kept, received } of peers) {
      const arrived = new Sequence();
      for (const number of await redis.lrange(`numbers:${user}`, 0, -1)) arrived.arrived(Number(number));
      lost += arrived.lost + sent - arrived.next + received.lost + kept - received.next;
      doubled += arrived.doubled + received.doubled;
    }
    return { lost, doubled, moves };
  } finally {
    for (const { socket } of peers) socket.disconnect();
    redis.disconnect();
    await deployment.stop();
  }
}

function open(url: string, user: string, moves: Moves): Promise<Peer> {
  const socket = io(url, {
    transports: ["websocket"],
    forceNew: true,
    auth: { user },
    retries: 10,
    ackTimeout: 2_000,
  });
  const received = new Sequence();
  let awaySince: number | undefined;
  socket.on("number", (number: number) => received.arrived(number));
  socket.on("disconnect", () => (awaySince = performance.now()));
  return new Promise((resolve) => {
    socket.on("connect", () => {
      if (awaySince !== undefined) moves.moved(performance.now() - awaySince);
      awaySince = undefined;
      resolve({ socket, user, received, sent: 0, kept: 0 });
    });
  });
}
