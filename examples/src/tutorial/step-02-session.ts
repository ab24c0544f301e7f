import { bindSessions } from "@wsession/adapter-ws";
import { createSessions } from "@wsession/core";
import { connect, listen } from "../client.ts";

// #region session
/** Step 2: every connection has typed data before its first message is handled. */
const sessions = createSessions({
  initial: (handshake) => ({
    name: new URL(handshake.url, "http://localhost").searchParams.get("name") ?? "somebody",
    score: 0,
  }),
});
// #endregion

export async function main(): Promise<string[]> {
  const { server, url } = await listen();
  bindSessions(server, sessions, {
    // #region session-update
    async message(conn) {
      const { name, score } = await conn.session.update((data) => ({ ...data, score: data.score + 1 }));
      conn.send(`${name} has ${score}`);
    },
    // #endregion
  });
  const client = await connect(`${url}?name=ada`);
  client.send("point");
  client.send("point");
  const lines = [await client.next(), await client.next()];
  await client.close();
  await sessions.close();
  server.close();
  return lines;
}
