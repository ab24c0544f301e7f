import { asWebSocket } from "@wsession/adapter-ws";
import type { Connection } from "@wsession/core";
import type { WebSocket } from "ws";

/** The socket of a connection, with a fault: messages are dropped that nobody listens to, as by the socket of ws. */
export function dropping(connection: Connection): WebSocket {
  const socket = asWebSocket(connection);
  socket.resume();
  return socket;
}
