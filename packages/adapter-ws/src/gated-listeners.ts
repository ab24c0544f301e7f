import type { IncomingMessage } from "node:http";
import type { Connection } from "@wsession/core";
import type { WebSocket, WebSocketServer } from "ws";
import { rememberMethods } from "./replaced-methods.ts";
import { gatedSocketOf, typed } from "./web-socket/as-web-socket.ts";

/** The callback that a server with `port` or `server` passes to its own `handleUpgrade`: its `emit`, bound in the constructor. */
const CALLBACK_OF_WS = "bound emit";

/**
 * Calls the application's `connection` listeners with the gated socket of each connection, once the gate is open. `begin` starts
 * the connection of a socket, and returns `undefined` for one that was not admitted. Returns a function that restores the server.
 */
export function gateListeners(
  server: WebSocketServer,
  begin: (socket: WebSocket, request: IncomingMessage) => Connection | undefined,
): () => void {
  const restore = rememberMethods(server, "emit", "handleUpgrade");
  const emit = server.emit.bind(server);
  const upgrade = server.handleUpgrade.bind(server);
  const emitGated = (socket: WebSocket, request: IncomingMessage): boolean => {
    const connection = begin(socket, request);
    if (connection === undefined) return false;
    const gated = gatedSocketOf(connection);
    gated.introduceTo(() => void emit("connection", typed(gated), request));
    return true;
  };
  server.emit = (event: string | symbol, ...values: unknown[]): boolean => {
    const [socket, request] = values;
    return event === "connection" && isSocket(socket) && isRequest(request)
      ? emitGated(socket, request)
      : emit(event, ...values);
  };
  server.handleUpgrade = (request, socket, head, callback) => {
    // The bound `emit` is that of the class, so it would call the listeners with the runtime's socket, before the gate.
    upgrade(request, socket, head, callback.name === CALLBACK_OF_WS ? emitGated : callback);
  };
  return restore;
}

function isSocket(value: unknown): value is WebSocket {
  return typeof value === "object" && value !== null && "readyState" in value;
}

function isRequest(value: unknown): value is IncomingMessage {
  return typeof value === "object" && value !== null && "headers" in value;
}
