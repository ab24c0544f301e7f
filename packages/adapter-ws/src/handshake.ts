import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";
import { SessionError } from "@wsession/core";
import type { Handshake } from "@wsession/core";
import { invalidArgument, parseProtocols, plainAddress } from "@wsession/core/runtime";

/** Copies what core needs. Node has lower-cased the names and joined the values already (`IncomingMessage.headers`). */
export function copyHandshake(request: IncomingMessage): Handshake {
  const headers: Record<string, string> = Object.create(null);
  const sent = request.headers;
  for (const name of Object.keys(sent)) {
    const value = sent[name];
    if (value === undefined) continue;
    // HTTP code may have put anything there.
    if (typeof value !== "string" && !Array.isArray(value))
      throw new SessionError(
        "INVALID_ARGUMENT",
        `the request's header ${JSON.stringify(name)} is not a string`,
      );
    headers[name] = typeof value === "string" ? value : value.join(", ");
  }
  const { socket } = request;
  return {
    method: request.method ?? "GET",
    url: request.url ?? "/",
    headers,
    // A system call, as much as all of the rest: made when somebody asks.
    get remoteAddress() {
      return plainAddress(socket.remoteAddress);
    },
    encrypted: socket instanceof TLSSocket,
    protocols: parseProtocols(headers["sec-websocket-protocol"]),
  };
}

/** The lower layer's record of a TCP socket: HTTP code may put data there, and the connection finds it. */
export interface SocketRecord {
  data: unknown;
}

const records = new WeakMap<object, SocketRecord>();

/**
 * The transport record of a TCP socket, for code that runs before the upgrade (an `upgrade` or `secureConnection`
 * listener, a proxy protocol parser). What it holds at the handshake is what `transport` is given as `found`.
 */
export function transportOf(socket: Socket): SocketRecord {
  if (typeof socket !== "object" || socket === null) throw invalidArgument("transportOf takes a socket");
  let record = records.get(socket);
  if (record === undefined) records.set(socket, (record = { data: undefined }));
  return record;
}

/** What was put there; `undefined` for nothing. */
export function foundOn(socket: Socket): unknown {
  return records.get(socket)?.data;
}
