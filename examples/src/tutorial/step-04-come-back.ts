import { bindSessions } from "@wsession/adapter-ws";
import { createSessions, mapStore, queryToken } from "@wsession/core";
import { connect, listen } from "../client.ts";

// #region come-back
/** Step 4: a client that lost its connection comes back to its session. */
const sessions = createSessions({
  store: mapStore(),
  token: queryToken(),
  idleMs: 10 * 60_000,
  initial: () => ({ score: 0 }),
});
// #endregion

export async function main(): Promise<string[]> {
  const { server, url } = await listen();
  bindSessions(server, sessions, {
    // #region come-back-open
    open(conn) {
      if (conn.resumed) conn.send(`welcome back, you have ${conn.session.data.score}`);
      else conn.send(conn.token ?? "");
    },
    // #endregion
    async message(conn) {
      const { score } = await conn.session.update((data) => ({ score: data.score + 1 }));
      conn.send(`you have ${score}`);
    },
  });
  const first = await connect(url);
  const token = await first.next();
  first.send("point");
  const lines = [await first.next()];
  await first.close();
  const second = await connect(`${url}?token=${token}`);
  lines.push(await second.next());
  await second.close();
  await sessions.close();
  server.close();
  return lines;
}
