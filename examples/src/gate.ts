import { setTimeout as wait } from "node:timers/promises";
import { bindSessions } from "@wsession/adapter-ws";
import { createSessions } from "@wsession/core";
import { connect, listen } from "./client.ts";

const sessions = createSessions<{ user: string }>();

export async function main(): Promise<string[]> {
  const { server, url } = await listen();
  bindSessions(server, sessions, {
    // #region gate
    /** The handshake was answered already, and the client may be speaking; the gate holds what it says. */
    async open(conn, handshake) {
      await wait(20); // a database, say
      await conn.setSession({ user: handshake.headers["x-user"] ?? "guest" });
    },
    message(conn, text) {
      // No wait, no check that it is there: the gate has opened, so it is.
      conn.send(`${conn.session?.data.user}: ${text}`);
    },
    // #endregion
  });
  const client = await connect(url, { "x-user": "ada" });
  for (const text of ["one", "two", "three"]) client.send(text);
  const lines = [await client.next(), await client.next(), await client.next()];
  await client.close();
  await sessions.close();
  server.close();
  return lines;
}
