// #region readme
import { bindSessions } from "@wsession/adapter-uws";
import { createSessions } from "@wsession/core";
import uWS from "uWebSockets.js";

const sessions = createSessions({ initial: () => ({ visits: 0 }) });

const app = uWS.App();
bindSessions(app, "/*", sessions, {
  async message(conn, text) {
    const { visits } = await conn.session.update((data) => ({ visits: data.visits + 1 }));
    conn.send(`visit ${visits}: ${text}`);
  },
});
app.listen(8080, (socket) => {
  if (!socket) throw new Error("port 8080 is taken");
});
// #endregion
export { app, sessions };
