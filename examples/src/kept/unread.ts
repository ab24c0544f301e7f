// A message with a key replaces a kept message of the same key: the client gets only the last count, and not seven counts.
import { bindSessions } from "@wsession/adapter-ws";
import { connect, tokenInMemory } from "@wsession/client";
import { createSessions, mapStore, protocolToken } from "@wsession/core";
import { WebSocket } from "ws";
import { listen } from "../client.ts";
import { nextEvent, nextMessages } from "./events.ts";

const sessions = createSessions({
  store: mapStore(),
  token: protocolToken(),
  initial: () => ({ unread: 0 }),
});

export async function main(): Promise<string[]> {
  const { server, url } = await listen();
  bindSessions(server, sessions, {});
  const client = connect(url, {
    WebSocket,
    token: tokenInMemory(),
    backoff: { minMs: 60_000, maxMs: 60_000 },
  });
  const texts = nextMessages(client, 2);
  const { id } = await nextEvent(client, "session");

  const away = nextEvent(client, "status");
  for (const conn of sessions.connections) conn.terminate();
  await away;
  // #region key
  for (let unread = 1; unread <= 7; unread += 1)
    await sessions.send(id, `unread: ${unread}`, { key: "unread" });
  await sessions.send(id, "that is all");
  // #endregion
  client.reconnect();
  const lines = await texts;
  await client.close();
  await sessions.close();
  server.close();
  return lines;
}
