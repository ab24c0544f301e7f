import type { Connection } from "@wsession/core";
import { assertNoMore } from "@wsession/core/runtime";
import type { WebSocket } from "ws";
import { GatedSocket } from "./gated-socket.ts";

const sockets = new WeakMap<object, GatedSocket>();

/** The one socket of a connection. */
export function gatedSocketOf(connection: Connection): GatedSocket {
  const known = sockets.get(connection);
  if (known !== undefined) return known;
  const socket = new GatedSocket(connection);
  sockets.set(connection, socket);
  return socket;
}

/** The socket with the type of ws, whose members it has. */
export function typed(socket: GatedSocket): WebSocket {
  const untyped: unknown = socket;
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the overloads of ws can't be implemented without `any`
  return untyped as WebSocket;
}

/**
 * Returns the connection as a socket of ws, for a library that expects one: graphql-ws, Yjs, tRPC. The connection may be of
 * any runtime, and of a client of `v1.wsession`; then the socket has the application's messages without their frames. Each
 * call for one connection returns the same socket, and `sessions.of(socket)` returns the connection.
 *
 * The connection feeds the socket. No message comes before the session is set, or with the gate `"open"` before `open` has
 * settled. Messages come in order, `close` is the last event, and no message comes after this side began to close. A message
 * reaches the socket's listeners first, and then the handler `message`, if there is one. Numbered messages go to the handler
 * `transaction` alone if there is one.
 *
 * Messages wait in the connection's inbox, within its limits, until the first listener of `message` is there, or until
 * `resume()`. They do not wait if the application has a handler `message`. A throw or a rejection of a listener ends the
 * connection with 1011 and reaches `onError`.
 *
 * A message that exceeds `maxBufferedBytes` is an error of the callback of `send`. Without a callback the connection ends with
 * 1013, because the peer would miss a message. The options `compress` and `mask` have no effect. A message that is sent in
 * fragments is sent whole with its last fragment. The socket has no private members of ws such as `_socket`, so
 * `createWebSocketStream` can't use the socket.
 *
 * @throws INVALID_ARGUMENT for an object that is not a connection.
 * @example
 * ```ts
 * bindSessions(server, sessions, { open: (connection) => setupWSConnection(asWebSocket(connection), request) });
 * ```
 */
export function asWebSocket(connection: Connection): WebSocket;
export function asWebSocket(connection: Connection, surplus?: undefined): WebSocket {
  assertNoMore("asWebSocket()", surplus);
  return typed(gatedSocketOf(connection));
}
