import { once } from "node:events";
import { bindSessions } from "@wsession/adapter-ws";
import { WebSocketServer } from "ws";

/** @import { HandlersOf, Sessions } from "@wsession/core" */

/**
 * Binds the sessions to a server on a free port. Resolves with the port.
 *
 * @param {Sessions} sessions
 * @param {HandlersOf<Sessions>} handlers
 */
export async function listen(sessions, handlers) {
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  bindSessions(server, sessions, handlers);
  await once(server, "listening");
  const address = server.address();
  return typeof address === "object" ? address?.port : undefined;
}
