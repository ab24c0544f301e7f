import { bindSessions } from "@wsession/adapter-bun";

/** @import { HandlersOf, Sessions } from "@wsession/core" */

/**
 * Binds the sessions to a server on a free port. Resolves with the port.
 *
 * @param {Sessions} sessions
 * @param {HandlersOf<Sessions>} handlers
 */
export async function listen(sessions, handlers) {
  const { fetch, websocket } = bindSessions(sessions, handlers);
  // A global of Bun, which the types of Node.js do not have.
  const { port } = Reflect.get(globalThis, "Bun").serve({ port: 0, hostname: "127.0.0.1", fetch, websocket });
  return port;
}
