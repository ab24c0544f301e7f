import { setTimeout as wait } from "node:timers/promises";
import { bindSessions } from "@wsession/adapter-ws";
import { createSessions } from "@wsession/core";
import { connect, listen } from "./client.ts";

const sessions = createSessions<{ user: string }>();

export async function main(): Promise<string[]> {
  const { server, url } = await listen();
  bindSessions(server, sessions, {
    // #region gate
    /** The handshake is answered, and the client may already send messages. The gate delays these messages. */
    async open(conn, handshake) {
      await wait(20); // for example, a query of a database
      await conn.setSession({ user: handshake.headers["x-user"] ?? "guest" });
    },
    message(conn, text) {
      // No wait and no check: the gate has opened, so the session is set.
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
