import type { Runtime, RuntimeConnection, SendOutcome, Ticket } from "@wsession/core/runtime";
import type { WebSocket } from "uWebSockets.js";

/**
 * What the runtime copies onto the socket object itself, where a field named like a method would hide it, and symbols are
 * lost: hence our names. Two fields there cost nothing; an object for them would cost 64 bytes a connection.
 */
export interface UserData {
  /** The connection, once `open` was called. */
  readonly wsession: Arrival | RuntimeConnection;
  /** Whether anything came since the last heartbeat. */
  readonly wsessionSeen: boolean;
}

/** What travels from `upgrade` to `open`. */
export class Arrival {
  readonly ticket: Ticket;
  /** The end, if it came while `open` was under way: `end()` and `close()` tell of it before they return. */
  end: { readonly code: number; readonly reason: string } | undefined = undefined;

  constructor(ticket: Ticket) {
    this.ticket = ticket;
  }
}

export type Socket = WebSocket<UserData>;

/**
 * `compress`: whether messages are sent compressed where that was negotiated. Half of a surrogate pair becomes U+FFFD: the
 * runtime would write it as bytes that are not UTF-8, for which the peer fails the connection.
 */
export function uwsRuntime(compress: boolean): Runtime<Socket> {
  return {
    name: "uws",
    connectionOf,
    // As `attempt`, without a closure for each message.
    send(socket, data): SendOutcome {
      const isText = typeof data === "string";
      try {
        switch (socket.send(isText ? data.toWellFormed() : data, !isText, compress)) {
          case 1:
            return "sent";
          case 0:
            return "queued";
          default:
            return "dropped";
        }
      } catch {
        return "closed";
      }
    },
    bufferedAmount: (socket) => attempt(() => socket.getBufferedAmount(), 0),
    // The runtime tells of every socket's drain by itself.
    awaitDrain: () => undefined,
    close: (socket, code, reason) => attempt(() => socket.end(code, reason.toWellFormed()), undefined),
    heartbeat,
    terminate: (socket) => attempt(() => socket.close(), undefined),
  };
}

/** What the adapter keeps on a socket, good after close too, as no method is; without a value for any other object. */
interface Fields {
  wsession?: Arrival | RuntimeConnection;
  wsessionSeen?: boolean;
}

export function fieldsOf(socket: object): Fields {
  return socket;
}

export function connectionOf(socket: object): RuntimeConnection | undefined {
  const { wsession } = fieldsOf(socket);
  return wsession instanceof Arrival ? undefined : wsession;
}

/** Every method of a socket throws once it has closed, inside the close handler too. */
function attempt<Result>(call: () => Result, closed: Result): Result {
  try {
    return call();
  } catch {
    return closed;
  }
}

/** Pings; ends a socket from which neither a message nor a pong has come since the last heartbeat. */
function heartbeat(socket: Socket): void {
  const fields = fieldsOf(socket);
  if (fields.wsessionSeen !== true) attempt(() => socket.close(), undefined);
  else {
    fields.wsessionSeen = false;
    attempt(() => socket.ping(), 0);
  }
}
