import type { Server } from "node:http";
import { bindSessions } from "@wsession/adapter-ws";
import type { HandlersOf } from "@wsession/core";
import { WebSocketServer } from "ws";
import type { VisitorSessions } from "./session.ts";

export const SOCKET_PATH = "/session";
/** Bytes. The page's messages have less than 200. */
export const MAX_PAYLOAD: number = 4 * 1024;

/** Serves the sessions with ws, on an HTTP server that listens already. */
export function serveWithWs(
  server: Server,
  sessions: VisitorSessions,
  handlers: HandlersOf<VisitorSessions>,
): WebSocketServer {
  const sockets = new WebSocketServer({ server, path: SOCKET_PATH, maxPayload: MAX_PAYLOAD });
  bindSessions(sockets, sessions, handlers);
  return sockets;
}
