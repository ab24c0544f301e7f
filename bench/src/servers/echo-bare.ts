import { createServer } from "node:http";
import uWS from "uWebSockets.js";
import { WebSocketServer } from "ws";
import type { WebSocket } from "ws";
import { listenHttp, listenUws } from "./listen.ts";

// The controls: the bare runtimes doing the same work as the subjects. Text is decoded, counted on an object
// of the connection, and sent back.

interface Counted {
  session: { count: number };
}

/** uWS copies the fields of the user data onto the socket. Reading them there is faster than `getUserData()`. */
function sessionOf(socket: object): Counted["session"] {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- `upgrade` put it there
  return (socket as Counted).session;
}

const noop = (): void => undefined;
const resolved = Promise.resolve();

export function bareWs(): void {
  const http = createServer();
  const server = new WebSocketServer({ server: http });
  server.on("connection", (plain: WebSocket) => {
    const socket: WebSocket & Counted = Object.assign(plain, { session: { count: 0 } });
    socket.on("error", noop);
    socket.on("message", (data: Buffer) => {
      const text = data.toString();
      socket.session.count += 1;
      socket.send(text);
    });
  });
  listenHttp(http);
}

export function bareUws(): void {
  listenBareUws(0);
}

/** uWS pings a silent peer 16 s before this time-out: every 30 s, as this library does. */
const PINGS_AFTER_30_SECONDS = 46;

export function bareUwsPinging(): void {
  listenBareUws(PINGS_AFTER_30_SECONDS);
}

function listenBareUws(idleTimeout: number): void {
  const app = uWS.App();
  app.ws<Counted>("/*", {
    idleTimeout,
    upgrade,
    message(socket, message) {
      const text = Buffer.from(message).toString();
      sessionOf(socket).count += 1;
      socket.send(text);
    },
  });
  listenUws(app);
}

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** Does only what a plain frame of `v1.wsession` demands of an echo: takes the lead off, and puts the lead before the answer. */
export function bareUwsFramed(): void {
  const app = uWS.App();
  app.ws<Counted>("/*", {
    idleTimeout: 0,
    upgrade,
    message(socket, message) {
      const frame = decoder.decode(message);
      const text = frame.slice(1);
      socket.send(`-${text}`);
    },
  });
  listenUws(app);
}

export function bareUwsAsync(): void {
  const app = uWS.App();
  app.ws<Counted>("/*", {
    idleTimeout: 0,
    upgrade,
    async message(socket, message) {
      const text = Buffer.from(message).toString();
      await resolved;
      sessionOf(socket).count += 1;
      socket.send(text);
    },
  });
  listenUws(app);
}

function upgrade(
  response: uWS.HttpResponse,
  request: uWS.HttpRequest,
  context: uWS.us_socket_context_t,
): void {
  const header = (name: string): string => request.getHeader(name);
  response.upgrade<Counted>(
    { session: { count: 0 } },
    header("sec-websocket-key"),
    header("sec-websocket-protocol"),
    header("sec-websocket-extensions"),
    context,
  );
}
