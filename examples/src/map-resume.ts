import { bindSessions } from "@wsession/adapter-ws";
import { createSessions, mapStore, queryToken } from "@wsession/core";
import { connect, listen } from "./client.ts";

// #region map-resume
/** A session that outlives its connection: the client comes back with the token that the server sent. */
const sessions = createSessions({
  store: mapStore(),
  token: queryToken(),
  idleMs: 10 * 60_000,
  initial: () => ({ cart: [] as readonly string[] }),
});
// #endregion

export async function main(): Promise<string[]> {
  const { server, url } = await listen();
  bindSessions(server, sessions, {
    // #region map-resume-use
    open(conn) {
      conn.send(conn.token ?? `welcome back, ${conn.session.data.cart.length} in your cart`);
    },
    async message(conn, item) {
      await conn.session.update(({ cart }) => ({ cart: [...cart, String(item)] }));
      conn.send(`put ${item}`);
    },
    // #endregion
  });
  const first = await connect(url);
  const token = await first.next();
  first.send("apple");
  const lines = [await first.next()];
  await first.close();
  const second = await connect(`${url}?token=${token}`);
  lines.push(await second.next());
  await second.close();
  await sessions.close();
  server.close();
  return lines;
}
