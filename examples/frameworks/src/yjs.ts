import { createServer } from "node:http";
import { createRequire } from "node:module";
import { asWebSocket, bindSessions } from "@wsession/adapter-ws";
import { bindSessions as bindUws } from "@wsession/adapter-uws";
import type { Connection, Handshake } from "@wsession/core";
import uWS from "uWebSockets.js";
import { WebSocketServer } from "ws";
import { listen, listenUws, sessionsOfUsers } from "./started.ts";
import type { Started } from "./started.ts";

/** The server of y-websocket has no types. */
const { setupWSConnection } = createRequire(import.meta.url)("y-websocket/bin/utils") as {
  setupWSConnection(socket: object, request: { readonly url: string }): void;
};

/**
 * The path of the URL names the document. An application checks here, by `connection.session`, whether its user may edit the
 * document.
 */
function open(connection: Connection, { url }: Handshake): void {
  setupWSConnection(asWebSocket(connection), { url });
}

export async function start(): Promise<Started> {
  const sessions = sessionsOfUsers();
  const server = createServer();
  bindSessions(new WebSocketServer({ server }), sessions, { open });
  return listen(server, sessions);
}

/** The same on uWebSockets.js. */
export async function startUws(): Promise<Started> {
  const sessions = sessionsOfUsers();
  const app = uWS.App();
  bindUws(app, "/*", sessions, { open });
  return listenUws(app, sessions);
}
