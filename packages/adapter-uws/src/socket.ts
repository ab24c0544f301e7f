import type { Runtime, RuntimeBinding, RuntimeConnection, SendOutcome, Ticket } from "@wsession/core/runtime";
import type { WebSocket } from "uWebSockets.js";

/**
 * What the runtime copies onto the socket object itself, where a field named like a method would hide it, and symbols are
 * lost: hence our names. Two fields there cost nothing; an object for them would cost 64 bytes a connection.
 */
export interface UserData {
  /** The connection, once `open` was called. */
  readonly wsession: Arrival | RuntimeConnection;
  /** `SEEN`, if anything came since the last heartbeat; else the bytes that waited then: `STALLED` less them, if none was taken. */
  readonly wsessionSeen: number;
}

/** A message or a pong came. */
export const SEEN = -1;
const STALLED = -2;

/** What travels from `upgrade` to `open`. */
export class Arrival {
  readonly binding: RuntimeBinding<Socket>;
  readonly ticket: Ticket;
  /** What the application chose, where core answers with a subprotocol of its own. */
  readonly protocol: string;
  /** The end, if it came while `open` was under way: `end()` and `close()` tell of it before they return. */
  end: { readonly code: number; readonly reason: string } | undefined = undefined;

  constructor(binding: RuntimeBinding<Socket>, ticket: Ticket, protocol: string) {
    this.binding = binding;
    this.protocol = protocol;
    this.ticket = ticket;
  }
}

export type Socket = WebSocket<UserData>;

export interface RuntimeOptions {
  /** Whether messages are sent compressed where that was negotiated. */
  readonly compress: boolean;
  /** Whether long messages may be sent in fragments: the runtime's own limit could drop one in the middle of a message. */
  readonly fragments: boolean;
  /** Whether the runtime's own `idleTimeout`, which sees every byte, ends silent peers at this `heartbeatMs`. */
  readonly endsSilent: (heartbeatMs: number) => boolean;
  /** The longest message that the runtime takes. */
  readonly maxMessageBytes: number;
}

/** Half of a surrogate pair becomes U+FFFD: the runtime would write it as bytes that are not UTF-8, for which the peer fails the connection. */
export function uwsRuntime({
  compress,
  fragments,
  endsSilent,
  maxMessageBytes,
}: RuntimeOptions): Runtime<Socket> {
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
    sendLong(socket, data, fragmentBytes) {
      // Fragments that the runtime compresses one by one are no compressed message together.
      if (!fragments || compress || !hasFragments(socket)) return this.send(socket, data);
      return attempt(() => sendFragments(socket, data, fragmentBytes), "closed");
    },
    sendUncompressed: (socket, data) =>
      attempt<SendOutcome>(() => {
        const isText = typeof data === "string";
        const status = socket.send(isText ? data.toWellFormed() : data, !isText, false);
        return status === 1 ? "sent" : status === 0 ? "queued" : "dropped";
      }, "closed"),
    speaksSubprotocol: true,
    maxMessageBytes,
    ping: (socket) => attempt(() => void socket.ping(), undefined),
    bufferedAmount: (socket) => attempt(() => socket.getBufferedAmount(), 0),
    // The runtime tells of every socket's drain by itself.
    awaitDrain: () => undefined,
    close: (socket, code, reason) => attempt(() => socket.end(code, reason.toWellFormed()), undefined),
    heartbeat(socket, heartbeatMs = 0) {
      if (endsSilent(heartbeatMs)) attempt(() => void socket.ping(), undefined);
      else heartbeat(socket);
    },
    terminate: (socket) => attempt(() => socket.close(), undefined),
  };
}

/** What the adapter keeps on a socket, good after close too, as no method is; without a value for any other object. */
interface Fields {
  wsession?: Arrival | RuntimeConnection;
  wsessionSeen?: number;
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

/**
 * Pings; ends a socket from which neither a message nor a pong has come since the last heartbeat, unless the peer took
 * something of what waits for it, since then or since the one before: an operating system takes more only when a third of
 * its buffer is free, which is up to 1.5 MB.
 */
function heartbeat(socket: Socket): void {
  const fields = fieldsOf(socket);
  const { wsessionSeen: last = SEEN } = fields;
  const waits = attempt(() => socket.getBufferedAmount(), 0);
  const stalled = last < SEEN;
  const takes = waits < (stalled ? STALLED - last : last);
  if (last !== SEEN && !takes && (stalled || waits === 0)) attempt(() => socket.close(), undefined);
  else {
    fields.wsessionSeen = last === SEEN || takes ? waits : STALLED - waits;
    attempt(() => socket.ping(), 0);
  }
}

/** The runtime has these, and not every version of its types says so. */
interface FragmentSocket {
  sendFirstFragment(message: Uint8Array, isBinary: boolean, compress: boolean): number;
  sendFragment(message: Uint8Array, compress: boolean): number;
  sendLastFragment(message: Uint8Array, compress: boolean): number;
  ping(): number;
}

function hasFragments(socket: object): socket is FragmentSocket {
  return (
    "sendFirstFragment" in socket &&
    "sendFragment" in socket &&
    "sendLastFragment" in socket &&
    typeof socket.sendLastFragment === "function"
  );
}

/** With a ping behind each: the peer answers it when it has read up to there (RFC 6455 section 5.4). */
function sendFragments(
  socket: FragmentSocket,
  data: string | Uint8Array,
  fragmentBytes: number,
): SendOutcome {
  const bytes = typeof data === "string" ? Buffer.from(data) : data;
  let queued = false;
  for (let start = 0; start < bytes.length; start += fragmentBytes) {
    const end = start + fragmentBytes;
    const fragment = bytes.subarray(start, end);
    let status: number;
    if (start === 0) status = socket.sendFirstFragment(fragment, typeof data !== "string", false);
    else if (end < bytes.length) status = socket.sendFragment(fragment, false);
    else status = socket.sendLastFragment(fragment, false);
    if (status !== 1) queued = true;
    socket.ping();
  }
  return queued ? "queued" : "sent";
}
