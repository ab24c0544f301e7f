import assert from "node:assert/strict";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { bindSessions } from "@wsession/adapter-ws";
import { createSessions, mapStore } from "@wsession/core";
import { WebSocket, WebSocketServer } from "ws";

// #region in-tests
/** A server on a free port, with its sessions in memory. Each test starts and stops a server. */
async function startServer() {
  const sessions = createSessions({ store: mapStore(), initial: () => ({ visits: 0 }) });
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  bindSessions(server, sessions, {
    async message(conn) {
      const { visits } = await conn.session.update((data) => ({ visits: data.visits + 1 }));
      conn.send(`visit ${visits}`);
    },
  });
  await once(server, "listening");
  return { sessions, server };
}
// #endregion

// #region a-test
async function countsVisits(): Promise<void> {
  const { sessions, server } = await startServer();
  const address: AddressInfo | string | null = server.address();
  assert(typeof address === "object" && address !== null);
  const client = new WebSocket(`ws://127.0.0.1:${address.port}`);
  await once(client, "open");
  client.send("hello");
  const [answer]: unknown[] = await once(client, "message");
  assert.equal(String(answer), "visit 1");
  await sessions.close();
  server.close();
}
// #endregion

export async function main(): Promise<string[]> {
  await countsVisits();
  return ["passed"];
}
