// Notifies a user who has no connection: she gets the message when she comes back.
import { bindSessions } from "@wsession/adapter-ws";
import { connect, tokenInMemory } from "@wsession/client";
import { accept, createSessions, mapStore, protocolToken } from "@wsession/core";
import { WebSocket } from "ws";
import { listen } from "../client.ts";
import { nextEvent, nextMessages } from "./events.ts";

const sessions = createSessions({
  store: mapStore(),
  token: protocolToken(),
  // An application checks here who the visitor is.
  admit: () => accept({ subject: "ada" }),
  initial: () => ({}),
});

export async function main(): Promise<string[]> {
  const { server, url } = await listen();
  bindSessions(server, sessions, {});
  const client = connect(url, {
    WebSocket,
    token: tokenInMemory(),
    backoff: { minMs: 60_000, maxMs: 60_000 },
  });
  const texts = nextMessages(client, 1);
  await nextEvent(client, "session");

  const away = nextEvent(client, "status");
  for (const conn of sessions.connections) conn.terminate();
  const lines: string[] = [(await away).status];
  // #region send-to-subject
  const { sessions: reached } = await sessions.sendToSubject("ada", "your parcel is here");
  // #endregion
  lines.push(`kept for ${reached}`);
  client.reconnect();
  lines.push(...(await texts));
  await client.close();
  await sessions.close();
  server.close();
  return lines;
}
