import { once } from "node:events";
import { createServer } from "node:net";
import { bindSessions } from "@wsession/adapter-uws";
import type { HandlersOf } from "@wsession/core";
import { listenFailure } from "./failure.ts";
import { MAX_PAYLOAD, SOCKET_PATH } from "./server-ws.ts";
import type { VisitorSessions } from "./session.ts";

// It takes a host and options together, and its types don't say so.
declare module "uWebSockets.js" {
  interface TemplatedApp {
    listen(
      host: RecognizedString,
      port: number,
      options: number,
      callback: (socket: us_listen_socket | false) => void,
    ): TemplatedApp;
  }
}

/** LIBUS_LISTEN_EXCLUSIVE_PORT: without it two programs may share a port, and each gets some of the connections. */
const EXCLUSIVE_PORT = 1;

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
  const chosen = port === 0 ? await freePort(host) : port;
  return new Promise((resolve, reject) => {
    app.listen(host, chosen, EXCLUSIVE_PORT, (socket) => {
      if (socket === false) reject(listenFailure(chosen, "EADDRINUSE"));
      else resolve({ port: chosen, close: () => void app.close() });
    });
  });
}

/** Port 0 would do, but a port that the runtime was given so can't be listened on again for a minute after a crash. */
async function freePort(host: string): Promise<number> {
  const probe = createServer().listen(0, host);
  await once(probe, "listening");
  const address = probe.address();
  probe.close();
  await once(probe, "close");
  return typeof address === "object" && address !== null ? address.port : 0;
}
