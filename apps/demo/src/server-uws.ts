import { bindSessions } from "@wsession/adapter-uws";
import type { HandlersOf } from "@wsession/core";
import type { TemplatedApp } from "uWebSockets.js";
import { listenFailure } from "./failure.ts";
import { freePort } from "../../../scripts/free-port.mjs";
import { PLAIN_PATH, plainConnection } from "./plain.ts";
import type { PlainConnection, PlainServing } from "./plain.ts";
import { MAX_PAYLOAD, SOCKET_PATH } from "./server-ws.ts";
import type { VisitorSessions } from "./session.ts";

// The runtime takes a host together with options, but its types lack that overload.
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

/**
 * Returns the module, or the reason if uWebSockets.js can't be loaded here. It has binaries only for some platforms and versions
 * of Node.js.
 */
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
  plain: PlainServing,
): Promise<UwsServer> {
  const app = uWS.App();
  bindSessions(app, SOCKET_PATH, sessions, handlers, { behavior: { maxPayloadLength: MAX_PAYLOAD } });
  servePlain(app, plain);
  app.any("/*", (response) => {
    response
      .writeStatus("404 Not Found")
      .end("This port serves WebSockets; the page is on the demo's own port.\n");
  });
  // Port 0 is not enough, because after a crash the runtime can't listen again on such a port for a minute.
  const chosen = port === 0 ? await freePort() : port;
  return new Promise((resolve, reject) => {
    app.listen(host, chosen, EXCLUSIVE_PORT, (socket) => {
      if (socket === false) reject(listenFailure(chosen, "EADDRINUSE"));
      else resolve({ port: chosen, close: () => void app.close() });
    });
  });
}

interface PlainData {
  connection?: PlainConnection;
}

function servePlain(app: TemplatedApp, plain: PlainServing): void {
  app.ws<PlainData>(PLAIN_PATH, {
    maxPayloadLength: MAX_PAYLOAD,
    upgrade(response, request, context) {
      if (!plain.origins.includes(request.getHeader("origin"))) {
        response.writeStatus("403 Forbidden").end();
        return;
      }
      const [key, protocol, extensions] = ["key", "protocol", "extensions"].map((name) =>
        request.getHeader(`sec-websocket-${name}`),
      );
      response.upgrade<PlainData>({}, key ?? "", protocol ?? "", extensions ?? "", context);
    },
    open(socket) {
      const ends = { send: (text: string) => void socket.send(text), terminate: () => socket.close() };
      socket.getUserData().connection = plainConnection(ends, plain);
    },
    message(socket, message) {
      socket.getUserData().connection?.receive(Buffer.from(message).toString());
    },
    close(socket) {
      socket.getUserData().connection?.closed();
    },
  });
}
