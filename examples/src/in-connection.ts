import { bindSessions } from "@wsession/adapter-ws";
import { createSessions } from "@wsession/core";
import { connect, listen } from "./client.ts";

// #region in-connection
/** A session that only its own connection uses. It needs no name, no deadline and no look-up. */
const sessions = createSessions({
  initial: () => ({ room: "lobby", parser: new TextDecoder() }),
});
// #endregion

export async function main(): Promise<string[]> {
  const { server, url } = await listen();
  bindSessions(server, sessions, {
    // #region in-connection-use
    async message(conn, text) {
      if (typeof text === "string" && text.startsWith("/join "))
        await conn.session.patch({ room: text.slice(6) });
      conn.send(`you are in ${conn.session.data.room}`);
    },
    // #endregion
  });
  const client = await connect(url);
  client.send("hello");
  const lines = [await client.next()];
  client.send("/join garden");
  lines.push(await client.next());
  await client.close();
  await sessions.close();
  server.close();
  return lines;
}
