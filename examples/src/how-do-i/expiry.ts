import { bindSessions } from "@wsession/adapter-ws";
import { createSessions, mapStore } from "@wsession/core";
import { connect, listen } from "../client.ts";

// #region expiry
const sessions = createSessions({
  store: mapStore(),
  absoluteMs: 12 * 3_600_000,
  expiringMs: 12 * 3_600_000,
  initial: () => ({}),
});
// #endregion

export async function main(): Promise<string[]> {
  const { server, url } = await listen();
  bindSessions(server, sessions, {
    // #region expiring
    /** Called before the absolute deadline, and before the idle deadline. */
    expiring(conn, remainingMs, deadline) {
      if (deadline === "absolute")
        conn.send(`log in again within ${Math.ceil(remainingMs / 60_000)} minutes`);
    },
    // #endregion
    // #region extend
    async message(conn, text) {
      if (text === "still me") await conn.session.extend();
      conn.send("thank you");
    },
    // #endregion
  });
  const client = await connect(url);
  const lines = [await client.next()];
  client.send("still me");
  lines.push(await client.next());
  await client.close();
  await sessions.close();
  server.close();
  return lines;
}
