// #region readme
import { bindSessions } from "@wsession/adapter-ws";
import { createSessions } from "@wsession/core";
import { WebSocketServer } from "ws";

const sessions = createSessions({ initial: () => ({ visits: 0 }) });

bindSessions(new WebSocketServer({ port: 8080 }), sessions, {
  async message(conn, text) {
    const { visits } = await conn.session.update((data) => ({ visits: data.visits + 1 }));
    conn.send(`visit ${visits}: ${text}`);
  },
});
// #endregion
export { sessions };
