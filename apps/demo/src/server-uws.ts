import { bindSessions } from "@wsession/adapter-uws";
import type { HandlersOf } from "@wsession/core";
import { listenFailure } from "./failure.ts";
import { MAX_PAYLOAD, SOCKET_PATH } from "./server-ws.ts";
import type { VisitorSessions } from "./session.ts";

type UWebSockets = typeof import("uWebSockets.js");

export interface UwsServer {
  readonly port: number;
  close(): void;
}

/** uWebSockets.js has a binary for some platforms and versions of Node.js only: answers with the reason why not. */
export async function loadUws(): Promise<UWebSockets | string> {
  try {
    const { default: uWS } = await import("uWebSockets.js");
    return uWS;
  } catch (error) {
    const [firstLine = ""] = String(error instanceof Error ? error.message : error).split("\n", 1);
    return firstLine;
  }
}

/** Serves the sessions with uWebSockets.js. */
export async function serveWithUws(
  uWS: UWebSockets,
  host: string,
  port: number,
  sessions: VisitorSessions,
  handlers: HandlersOf<VisitorSessions>,
): Promise<UwsServer> {
  const app = uWS.App();
  bindSessions(app, SOCKET_PATH, sessions, handlers, { behavior: { maxPayloadLength: MAX_PAYLOAD } });
  app.any("/*", (response) => {
    response
      .writeStatus("404 Not Found")
      .end("This port serves WebSockets; the page is on the demo's own port.\n");
  });
  return new Promise((resolve, reject) => {
    app.listen(host, port, (socket) => {
      if (socket === false) reject(listenFailure(port, "EADDRINUSE"));
      else resolve({ port: uWS.us_socket_local_port(socket), close: () => void app.close() });
    });
  });
}
