import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";
import type { Handshake } from "@wsession/core";
import {
  assertMethods,
  assertNoMore,
  invalidArgument,
  parseProtocols,
  plainAddress,
} from "@wsession/core/runtime";

/**
 * Copies the parts of the request that core needs. Node has already lower-cased the header names and joined
 * repeated values (`IncomingMessage.headers`).
 */
export function copyHandshake(request: IncomingMessage): Handshake {
  const headers: Record<string, string> = Object.create(null);
  const sent = request.headers;
  for (const name of Object.keys(sent)) {
    // `injectWS` of @fastify/websocket sets this header to a number, which ws accepts.
    const value = name === "sec-websocket-version" ? String(sent[name]) : sent[name];
    if (value === undefined) continue;
    // Application code may have replaced header values by something else.
    if (typeof value !== "string" && !Array.isArray(value))
      throw invalidArgument(`the value of the request's header ${JSON.stringify(name)} must be a string`);
    headers[name] = typeof value === "string" ? value : value.join(", ");
  }
  const { socket } = request;
  return {
    method: request.method ?? "GET",
    url: request.url ?? "/",
    headers,
    // A getter, because the address needs a system call that costs as much as the rest of this function.
    get remoteAddress() {
      return plainAddress(socket.remoteAddress);
    },
    encrypted: socket instanceof TLSSocket,
    protocols: parseProtocols(headers["sec-websocket-protocol"]),
  };
}

/** Data that HTTP code attaches to a TCP socket, for the connection to read. */
export interface SocketRecord {
  /** Any value of the application; `undefined` until HTTP code sets it. */
  data: unknown;
}

const records = new WeakMap<object, SocketRecord>();

/**
 * Returns the transport record of a TCP socket, for code that runs before the upgrade: an `upgrade` or
 * `secureConnection` listener, or a parser of the PROXY protocol. The data in the record at the time of the
 * handshake is passed to `admit` and `transport` as `found`.
 *
 * @throws INVALID_ARGUMENT if `socket` is not a socket. The data of a request or of a WebSocket would never be found.
 */
export function transportOf(socket: Socket): SocketRecord;
export function transportOf(socket: Socket, surplus?: undefined): SocketRecord {
  assertNoMore("transportOf()", surplus);
  // Methods rather than the class, because TLS, HTTP/2 and frameworks have sockets of other classes.
  assertMethods("transportOf(): socket", socket, "the TCP socket, such as request.socket", ["read", "write"]);
  let record = records.get(socket);
  if (record === undefined) records.set(socket, (record = { data: undefined }));
  return record;
}

/** The data that was attached to the socket; `undefined` if none. */
export function foundOn(socket: Socket): unknown {
  return records.get(socket)?.data;
}
