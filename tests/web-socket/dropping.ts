import { asWebSocket } from "@wsession/adapter-ws";
import type { Connection } from "@wsession/core";
import type { WebSocket } from "ws";

/** The socket of a connection, with a fault: like the socket of ws, it drops messages that have no listener. */
export function dropping(connection: Connection): WebSocket {
  const socket = asWebSocket(connection);
  socket.resume();
  return socket;
}
