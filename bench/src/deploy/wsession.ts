import { connect, tokenInMemory } from "@wsession/client";
import type { Client } from "@wsession/client";
import { createSessions } from "@wsession/core";
import { redisStore } from "@wsession/store-redis";
import { Redis } from "ioredis";
import { WebSocket } from "ws";
import { deploy, settled } from "./load.ts";
import type { Size } from "./load.ts";
import { Moves, Sequence } from "./moves.ts";
import { PATIENCE_MS } from "../kit/patience.ts";

interface Data {
  readonly next: number;
  readonly lost: number;
  readonly doubled: number;
}

interface Peer {
  readonly client: Client;
  readonly id: string;
  readonly received: Sequence;
  sent: number;
  kept: number;
}

export interface Outcome {
  readonly lost: number;
  readonly doubled: number;
  readonly moves: Moves;
}

export async function wsessionDeploy(redisPort: number, size: Size): Promise<Outcome> {
  const deployment = await deploy("deploy-wsession", redisPort, size);
  const redis = new Redis(redisPort, "127.0.0.1");
  const sessions = createSessions<Data>({
    store: redisStore({ client: redis, timeoutMs: PATIENCE_MS }),
    initial: () => ({ next: 0, lost: 0, doubled: 0 }),
  });
  const moves = new Moves();
  const peers: Peer[] = [];
  let failed = 0;
  let pending = 0;
  const countFailure = (): void => {
    failed += 1;
  };
  try {
    while (peers.length < size.clients) {
      const batch = Math.min(50, size.clients - peers.length);
      peers.push(
        ...(await Promise.all(Array.from({ length: batch }, () => open(deployment.balancer.url, moves)))),
      );
    }
    let turn = 0;
    await deployment.restartAll(moves, size, () => {
      const peer = peers[(turn += 1) % peers.length];
      if (peer === undefined) return;
      pending += 1;
      void peer.client
        .send(String(peer.sent))
        .catch(countFailure)
        .finally(() => (pending -= 1));
      peer.sent += 1;
      sessions.send(peer.id, String(peer.kept)).catch(countFailure);
      peer.kept += 1;
    });
    await settled(() => pending === 0 && peers.every(({ received, kept }) => received.next === kept));
    let [lost, doubled] = [failed, 0];
    for (const peer of peers) {
      const data = (await sessions.get(peer.id))?.data ?? { next: 0, lost: 0, doubled: 0 };
      lost += data.lost + peer.sent - data.next + peer.received.lost + peer.kept - peer.received.next;
      doubled += data.doubled + peer.received.doubled;
    }
    return { lost, doubled, moves };
  } finally {
    await Promise.all(peers.map(({ client }) => client.close()));
    await sessions.close();
    redis.disconnect();
    await deployment.stop();
  }
}

/** Connects a client, and measures how long it is not live between two sessions events, which come with each move. */
function open(url: () => string, moves: Moves): Promise<Peer> {
  const client = connect(url, { WebSocket, token: tokenInMemory() });
  const received = new Sequence();
  let awaySince: number | undefined;
  let gapMs = 0;
  client.on("message", ({ data }) => received.arrived(Number(data)));
  client.on("status", ({ status }) => {
    if (status === "live") {
      if (awaySince !== undefined) gapMs += performance.now() - awaySince;
      awaySince = undefined;
    } else awaySince ??= performance.now();
  });
  return new Promise((resolve) => {
    let peer: Peer | undefined;
    client.on("session", ({ id }) => {
      if (peer === undefined) {
        peer = { client, id, received, sent: 0, kept: 0 };
        resolve(peer);
        return;
      }
      // The status "live" of a client that was away follows in the same task.
      queueMicrotask(() => {
        moves.moved(gapMs);
        gapMs = 0;
      });
    });
  });
}
