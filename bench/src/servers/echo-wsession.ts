import { createServer } from "node:http";
import { bindSessions as bindUws } from "@wsession/adapter-uws";
import { bindSessions as bindWs } from "@wsession/adapter-ws";
import { createSessions, onTelemetry } from "@wsession/core";
import type { HandlersOf } from "@wsession/core";
import uWS from "uWebSockets.js";
import { WebSocketServer } from "ws";
import { listenHttp, listenUws } from "./listen.ts";

// The subjects, with every option at its default: the session is kept on the connection and read for each message.

const sessions = createSessions({ initial: () => ({ count: 0 }) });
const resolved = Promise.resolve();

const handlers: HandlersOf<typeof sessions> = {
  message(conn, text) {
    const data: { count: number } = conn.session.data;
    data.count += 1;
    conn.send(text);
  },
};

const asyncHandlers: HandlersOf<typeof sessions> = {
  async message(conn, text) {
    await resolved;
    const data: { count: number } = conn.session.data;
    data.count += 1;
    conn.send(text);
  },
};

export function wsessionWs(): void {
  const http = createServer();
  bindWs(new WebSocketServer({ server: http }), sessions, handlers);
  listenHttp(http);
}

export function wsessionUws(): void {
  const app = uWS.App();
  bindUws(app, "/*", sessions, handlers);
  listenUws(app);
}

export function wsessionUwsAsync(): void {
  const app = uWS.App();
  bindUws(app, "/*", sessions, asyncHandlers);
  listenUws(app);
}

/** Counts each message, as a listener for metrics does, so that the cost of a listener is measured. */
function listen(): void {
  const counted = { messages: 0, ms: 0 };
  onTelemetry("wsession:message", ({ durationMs }) => {
    counted.messages += 1;
    counted.ms += durationMs;
  });
}

export function wsessionWsListened(): void {
  listen();
  wsessionWs();
}

export function wsessionUwsListened(): void {
  listen();
  wsessionUws();
}

const PROBE_MS = 1_000;

/** A probe asks for the health once a second, and measures the delay of the event loop for it. */
export function wsessionUwsProbed(): void {
  setInterval(() => void sessions.health(), PROBE_MS);
  wsessionUws();
}
