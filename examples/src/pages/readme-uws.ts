// The README's server on uWebSockets.js. The one in packages/adapter-uws/README.md is run.
import { handlers, sessions } from "./readme-parts.ts";
// #region uws
import uWS from "uWebSockets.js";
import { bindSessions } from "@wsession/adapter-uws";

const app = uWS.App();
bindSessions(app, "/*", sessions, handlers);
app.listen(8080, (socket) => {
  if (!socket) throw new Error("port 8080 is taken");
});
// #endregion
export { app };
