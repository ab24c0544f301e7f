// @ts-check
// A server of either runtime on a free port, bound to sessions.
import { bindSessions as bindUws } from "@wsession/adapter-uws";
import { bindSessions as bindWs } from "@wsession/adapter-ws";
import { once } from "node:events";
import uWS from "uWebSockets.js";
import { WebSocketServer } from "ws";

/** Without this flag the runtime shares ports with other processes. Its types lack it. */
const { LIBUS_LISTEN_EXCLUSIVE_PORT } =
  /** @type {{ LIBUS_LISTEN_EXCLUSIVE_PORT: import("uWebSockets.js").ListenOptions }} */ (
    /** @type {unknown} */ (uWS)
  );

/**
 * @template {object} Data
 * @param {"ws" | "uws"} runtime
 * @param {import("@wsession/core").Sessions<Data>} sessions
 * @param {import("@wsession/core").Handlers<Data>} handlers
 * @returns {Promise<{ port: number, close(): void }>}
 */
export async function listen(runtime, sessions, handlers) {
  if (runtime === "uws") {
    const app = uWS.App();
    bindUws(app, "/*", sessions, handlers);
    return new Promise((resolve, reject) => {
      app.listen(0, LIBUS_LISTEN_EXCLUSIVE_PORT, (socket) => {
        if (socket === false) reject(new Error("uWebSockets.js could not listen"));
        else resolve({ port: uWS.us_socket_local_port(socket), close: () => void app.close() });
      });
    });
  }
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  bindWs(server, sessions, handlers);
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" ? (address?.port ?? 0) : 0;
  return { port, close: () => server.close() };
}
