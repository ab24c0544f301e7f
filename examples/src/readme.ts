// #region readme
import { bindSessions } from "@wsession/adapter-ws";
import { createSessions, mapStore } from "@wsession/core";
import { WebSocketServer } from "ws";

const sessions = createSessions({
  store: mapStore(),
  initial: (handshake) => ({ path: handshake.url, visits: 0 }), // may be async: messages wait meanwhile
});

bindSessions(new WebSocketServer({ port: 8080 }), sessions, {
  async message(conn, text) {
    const { visits } = await conn.session.update((s) => ({ ...s, visits: s.visits + 1 }));
    conn.send(`visit ${visits}: ${text}`);
  },
});
// #endregion
