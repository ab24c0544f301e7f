import { bindSessions } from "@wsession/adapter-ws";
import { createSessions } from "@wsession/core";
import type { WebSocketServer } from "ws";
import { connect, listen } from "../client.ts";

// #region echo
/** Step 1: an echo. */
const sessions = createSessions();

function bind(server: WebSocketServer) {
  bindSessions(server, sessions, {
    open: (conn) => conn.setSession({}),
    message(conn, text) {
      conn.send(`you said ${text}`);
    },
  });
}
// #endregion

export async function main(): Promise<string[]> {
  const { server, url } = await listen();
  bind(server);
  const client = await connect(url);
  client.send("hello");
  const lines = [await client.next()];
  await client.close();
  await sessions.close();
  server.close();
  return lines;
}
