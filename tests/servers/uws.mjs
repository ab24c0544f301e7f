import { bindSessions } from "@wsession/adapter-uws";
import uWS from "uWebSockets.js";

/** @import { HandlersOf, Sessions } from "@wsession/core" */

/**
 * Binds the sessions to a server on a free port. Resolves with the port.
 *
 * @param {Sessions} sessions
 * @param {HandlersOf<Sessions>} handlers
 */
export function listen(sessions, handlers) {
  const app = uWS.App();
  bindSessions(app, "/*", sessions, handlers);
  return new Promise((resolve, reject) => {
    app.listen("127.0.0.1", 0, (token) => {
      if (token) resolve(uWS.us_socket_local_port(token));
      else reject(new Error("uWebSockets.js does not listen"));
    });
  });
}
