import { bindSessions as bindUws } from "@wsession/adapter-uws";
import { bindSessions as bindWs } from "@wsession/adapter-ws";
import { createSessions, mapStore, queryToken } from "@wsession/core";
import type { HandlersOf } from "@wsession/core";
import uWS from "uWebSockets.js";
import { connect, listen } from "../client.ts";

const sessions = createSessions({
  store: mapStore(),
  token: queryToken(),
  initial: () => ({ score: 0 }),
});

// #region handlers
/** Step 9: the same handlers on two runtimes, in one process, with the same sessions. */
const handlers: HandlersOf<typeof sessions> = {
  open(conn) {
    conn.send(conn.token ?? `you have ${conn.session.data.score}, on ${conn.runtime}`);
  },
  async message(conn) {
    const { score } = await conn.session.update((data) => ({ score: data.score + 1 }));
    conn.send(`you have ${score}, on ${conn.runtime}`);
  },
};
// #endregion

export async function main(): Promise<string[]> {
  const { server, url } = await listen();
  bindWs(server, sessions, handlers);
  const app = uWS.App();
  bindUws(app, "/*", sessions, handlers);
  const port = await new Promise<number>((resolve) => {
    app.listen("127.0.0.1", 0, (socket) => resolve(uWS.us_socket_local_port(socket)));
  });
  const first = await connect(url);
  const token = await first.next();
  first.send("point");
  const lines = [await first.next()];
  await first.close();
  const second = await connect(`ws://127.0.0.1:${port}/?token=${token}`);
  lines.push(await second.next());
  await second.close();
  await sessions.close();
  server.close();
  app.close();
  return lines;
}
