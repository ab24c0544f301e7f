import { bindSessions } from "@wsession/adapter-ws";
import { createSessions, mapStore, queryToken } from "@wsession/core";
import { connect, listen } from "../client.ts";

const sessions = createSessions({
  store: mapStore(),
  token: queryToken(),
  initial: () => ({ score: 0 }),
});

export async function main(): Promise<string[]> {
  const { server, url } = await listen();
  bindSessions(server, sessions, {
    open: (conn) => void conn.send(conn.token ?? "second tab"),
    async message(conn) {
      await conn.session.update(({ score }) => ({ score: score + 1 }));
    },
    // #region tabs
    /** Step 5: a change in one tab is sent to the other tabs of the session. */
    change(conn, { score }) {
      conn.send(`score is ${score}`);
    },
    // #endregion
  });
  const first = await connect(url);
  const second = await connect(`${url}?token=${await first.next()}`);
  const lines = [await second.next()];
  first.send("point");
  lines.push(await second.next());
  await Promise.all([first.close(), second.close()]);
  await sessions.close();
  server.close();
  return lines;
}
