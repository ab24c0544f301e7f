import type { Runtime, RuntimeConnection, SendOutcome, Ticket } from "@wsession/core/runtime";
import type { WebSocket } from "uWebSockets.js";

/**
 * What travels from `upgrade` to `open`. The runtime copies its fields onto the socket object itself, where a field
 * named like a method would hide it, and symbols are lost: so there is one field, with a name of ours.
 */
export interface UserData {
  readonly wsession: ConnectionSlot;
}

export type Socket = WebSocket<UserData>;

/** `compress`: whether messages are sent compressed where that was negotiated. */
export function uwsRuntime(compress: boolean): Runtime<Socket> {
  return {
    name: "uws",
    connectionOf: (socket) => slotOf(socket)?.connection,
    // As `attempt`, without a closure for each message.
    send(socket, data): SendOutcome {
      try {
        switch (socket.send(data, typeof data !== "string", compress)) {
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
    close: (socket, code, reason) => attempt(() => socket.end(code, reason), undefined),
    heartbeat,
    terminate: (socket) => attempt(() => socket.close(), undefined),
  };
}

/** What the adapter keeps on a socket; `undefined` for any other object. Good after close too, as no method is. */
export function slotOf(socket: object): ConnectionSlot | undefined {
  const { wsession: slot }: { readonly wsession?: unknown } = socket;
  return slot instanceof ConnectionSlot ? slot : undefined;
}

export class ConnectionSlot {
  ticket: Ticket | undefined;
  connection: RuntimeConnection | undefined = undefined;
  /** The end, if it came while `open` was under way: `end()` and `close()` tell of it before they return. */
  end: { readonly code: number; readonly reason: string } | undefined = undefined;
  /** Whether anything came since the last heartbeat. */
  seen = true;

  constructor(ticket: Ticket) {
    this.ticket = ticket;
  }
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
  const slot = slotOf(socket);
  if (slot === undefined) return;
  if (!slot.seen) attempt(() => socket.close(), undefined);
  else {
    slot.seen = false;
    attempt(() => socket.ping(), 0);
  }
}
