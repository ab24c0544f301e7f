// #region readme
import { bindSessions } from "@wsession/adapter-ws";
import { createSessions, mapStore } from "@wsession/core";
import { WebSocketServer } from "ws";

const sessions = createSessions({
  store: mapStore(),
  initial: async (handshake) => ({ user: await whoIs(handshake), visits: 0 }),
});

bindSessions(new WebSocketServer({ port: 8080 }), sessions, {
  async message(conn, text) {
    const { visits } = await conn.session.update((s) => ({ ...s, visits: s.visits + 1 }));
    conn.send(`visit ${visits}: ${text}`);
  },
});
// #endregion

/** The application's own login. */
async function whoIs(handshake: { readonly headers: Readonly<Record<string, string>> }): Promise<string> {
  return handshake.headers["x-user"] ?? "guest";
}
