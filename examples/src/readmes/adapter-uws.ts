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
app.listen(8080, uWS.LIBUS_LISTEN_EXCLUSIVE_PORT, () => {});
// #endregion
export { app, sessions };

// The types of the runtime have the constant in an enum that does not exist at run time; the runtime has it as an export.
declare module "uWebSockets.js" {
  export const LIBUS_LISTEN_EXCLUSIVE_PORT: ListenOptions;
}
