import { bindSessions } from "@wsession/adapter-ws";
import { connect, tokenInMemory } from "@wsession/client";
import { createSessions, mapStore, protocolToken } from "@wsession/core";
import { WebSocket } from "ws";
import { listen } from "../client.ts";
import { nextMessages } from "../kept/events.ts";

const sessions = createSessions({ store: mapStore(), token: protocolToken(), initial: () => ({ score: 0 }) });

export async function main(): Promise<string[]> {
  const { server, url } = await listen();
  // #region server
  /** Step 11: a message that the server keeps for the session reaches the client, also after a lost connection. */
  bindSessions(server, sessions, {
    async message(conn, text) {
      await conn.session.send(`you said ${String(text)}`);
    },
  });
  // #endregion
  // #region client
  const client = connect(url, { WebSocket, token: tokenInMemory() });
  const texts = nextMessages(client, 2);
  await client.send("hello"); // resolves when the server has handled the message
  // #endregion
  const id = client.session?.id ?? "";
  for (const conn of sessions.connections) conn.terminate();
  // #region away
  await sessions.send(id, "news"); // the client is away: the message is kept
  // #endregion
  const lines = await texts;
  await client.close();
  await sessions.close();
  server.close();
  return lines;
}
