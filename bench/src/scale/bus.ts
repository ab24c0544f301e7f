import { once } from "node:events";
import { setTimeout as wait } from "node:timers/promises";
import { createSessions, queryToken } from "@wsession/core";
import { redisStore } from "@wsession/store-redis";
import { WebSocket, WebSocketServer } from "ws";
import { bindSessions } from "@wsession/adapter-ws";
import { startCluster } from "../kit/cluster.ts";
import type { RedisCluster } from "../kit/cluster.ts";
import { single } from "../kit/report.ts";
import type { Figure, Options } from "../kit/report.ts";
import { PATIENCE_MS } from "../kit/patience.ts";

const HOLDERS = 4;
/** Longer than the measurement, because probes of the subscriptions must not be counted. */
const NEVER_MS = 600_000;
const SENT = ["cluster_stats_messages_publish_sent", "cluster_stats_messages_publishshard_sent"];

/** Messages on the bus of a Cluster of six nodes for one change of 1.5 KB of a session that four other processes hold. */
export async function measureBus(options: Options): Promise<Figure[]> {
  const changes = options.quick ? 10 : 200;
  const cluster = await startCluster();
  const applications: { close(): Promise<void> }[] = [];
  try {
    const writer = open(cluster);
    applications.push(writer);
    const { session, token } = await writer.sessions.create({ text: "", number: 0 });
    const received = { count: 0 };
    for (let index = 0; index < HOLDERS; index += 1) {
      const holder = open(cluster);
      applications.push(holder);
      await holder.connect(token, () => void (received.count += 1));
    }
    // Subscriptions to sharded channels come a moment after the plain one.
    await wait(1_000);
    const before = await sent(cluster);
    for (let change = 1; change <= changes; change += 1) {
      await session.patch({ text: "x".repeat(1_500), number: change });
      for (const wanted = change * HOLDERS; received.count < wanted;) await wait(1);
    }
    const messages = ((await sent(cluster)) - before) / changes;
    return [
      {
        field: "busMessages",
        value: single(messages),
        target: { atMost: HOLDERS },
        what: `bus messages for a change that ${HOLDERS} other processes hold, Cluster of 6 nodes`,
        digits: 1,
      },
    ];
  } finally {
    await Promise.all(applications.map((application) => application.close()));
    await cluster.stop();
  }
}

async function sent(cluster: RedisCluster): Promise<number> {
  const counts = await Promise.all(SENT.map((field) => cluster.sum(field)));
  return counts.reduce((total, count) => total + count, 0);
}

function open(cluster: RedisCluster) {
  const store = redisStore({
    client: cluster.connect(),
    leaseMs: NEVER_MS,
    sweepMs: NEVER_MS,
    timeoutMs: PATIENCE_MS,
  });
  const sessions = createSessions({ store, token: queryToken(), initial: () => ({ text: "", number: 0 }) });
  const sockets: WebSocket[] = [];
  const servers: WebSocketServer[] = [];
  return {
    sessions,
    async connect(token: string, onChange: () => void): Promise<void> {
      const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
      servers.push(server);
      await once(server, "listening");
      bindSessions(server, sessions, { message: () => undefined, change: onChange });
      const address = server.address();
      const port = typeof address === "object" ? address?.port : undefined;
      const socket = new WebSocket(`ws://127.0.0.1:${port}/?token=${token}`);
      sockets.push(socket);
      await once(socket, "open");
    },
    async close(): Promise<void> {
      for (const socket of sockets) socket.terminate();
      await sessions.close();
      for (const server of servers) server.close();
    },
  };
}
