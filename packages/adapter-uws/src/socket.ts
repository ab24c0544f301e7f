/** The sockets of uWebSockets.js behind the interface of core. */
import type { CloseInfo } from "@wsession/core";
import type { Runtime, RuntimeBinding, RuntimeConnection, SendOutcome, Ticket } from "@wsession/core/runtime";
import type { WebSocket } from "uWebSockets.js";
import { frameOf } from "./frame.ts";
import { sendable } from "./text.ts";

/**
 * The fields that the runtime copies onto the socket object. The names have a prefix, because a field with the name of a method would
 * hide the method. Symbols are not copied. Two fields cost no memory, while an object for them would cost 64 bytes for each
 * connection.
 */
export interface UserData {
  /** The connection, once `open` was called. */
  readonly wsession: Arrival | RuntimeConnection;
  /**
   * `SEEN` if anything arrived since the last heartbeat. Otherwise the number of waiting bytes at the
   * heartbeat, or `STALLED` minus that number if the peer had read none of them.
   */
  readonly wsessionSeen: number;
}

/** The close code of a socket that ended without a close frame (RFC 6455 section 7.1.5). */
const UNCLEAN = 1006;

/** The values of `wsessionSeen`: a message, a ping or a pong arrived; the peer read none of the waiting bytes. */
export const SEEN = -1;
const STALLED = -2;

/** The arguments of `ended`. */
export type EndOfSocket = Parameters<RuntimeConnection["ended"]>;

/** The state between `upgrade` and `open`. */
export class Arrival {
  /** The binding that admitted the handshake. */
  readonly binding: RuntimeBinding<Socket>;
  /** The admitted handshake, for `open` of the binding, or for `abandon`. */
  readonly ticket: Ticket;
  /** The application's choice of a subprotocol, if core answers with its own subprotocol. */
  readonly protocol: string;
  /** The close event, if it came during `open`: `end()` and `close()` emit it before they return. */
  end: EndOfSocket | undefined = undefined;

  constructor(binding: RuntimeBinding<Socket>, ticket: Ticket, protocol: string) {
    this.binding = binding;
    this.protocol = protocol;
    this.ticket = ticket;
  }
}

/** A WebSocket of uWebSockets.js, with the user data of the adapter. */
export type Socket = WebSocket<UserData>;

export interface RuntimeOptions {
  /** Whether messages are compressed if compression was negotiated. */
  readonly compress: boolean;
  /**
   * Whether long messages may be sent in fragments. Not with the runtime's own backpressure limit, which
   * could drop a fragment in the middle of a message.
   */
  readonly fragments: boolean;
  /**
   * Whether the runtime's own `idleTimeout`, which counts every byte, ends silent peers at this
   * `heartbeatMs`, after this number of silent heartbeats.
   */
  readonly endsSilent: (heartbeatMs: number, silentHeartbeats: number) => boolean;
  /** The longest message that the runtime accepts, in bytes. */
  readonly maxMessageBytes: number;
}

/** Creates the runtime. */
export function uwsRuntime({
  compress,
  fragments,
  endsSilent,
  maxMessageBytes,
}: RuntimeOptions): Runtime<Socket> {
  return {
    name: "uws",
    connectionOf,
    // As `attempt`, but without a closure for each message.
    send(socket, data): SendOutcome {
      const isText = typeof data === "string";
      try {
        return outcomeOf(socket.send(isText ? sendable(data) : data, !isText, compress));
      } catch {
        return "closed";
      }
    },
    sendWithLead(socket, lead, text) {
      const bytes = frameOf(lead, text);
      if (bytes === undefined) return this.send(socket, String.fromCharCode(lead) + text);
      try {
        return outcomeOf(socket.send(bytes, false, compress));
      } catch {
        return "closed";
      }
    },
    sendLong(socket, data, fragmentBytes) {
      // The runtime compresses each fragment separately, and together these are not a valid compressed
      // message.
      if (!fragments || compress || !hasFragments(socket)) return this.send(socket, data);
      return attempt(() => sendFragments(socket, data, fragmentBytes), "closed");
    },
    sendAll(socket, messages) {
      const outcomes: SendOutcome[] = [];
      // Corked, because the runtime makes a system call for each otherwise.
      const send = () => messages.forEach((message) => outcomes.push(this.send(socket, message)));
      attempt(() => void socket.cork(send), undefined);
      if (outcomes.length === 0) return "closed";
      const waits = this.bufferedAmount(socket) > 0;
      return outcomes.find((outcome) => outcome !== "sent") ?? (waits ? "queued" : "sent");
    },
    sendUncompressed: (socket, data) =>
      attempt<SendOutcome>(() => {
        const isText = typeof data === "string";
        return outcomeOf(socket.send(isText ? sendable(data) : data, !isText, false));
      }, "closed"),
    speaksSubprotocol: true,
    maxMessageBytes,
    ping: (socket, data) => attempt(() => void socket.ping(data), undefined),
    bufferedAmount: (socket) => attempt(() => socket.getBufferedAmount(), 0),
    // The runtime emits the drain event of every socket anyway.
    awaitDrain: () => undefined,
    close: (socket, code, reason) => attempt(() => socket.end(code, sendable(reason)), undefined),
    heartbeat(socket, heartbeatMs = 0, silentHeartbeats = 1) {
      if (endsSilent(heartbeatMs, silentHeartbeats)) attempt(() => void socket.ping(), undefined);
      else heartbeat(socket, silentHeartbeats);
    },
    countsSilence: true,
    terminate: (socket) => attempt(() => socket.close(), undefined),
  };
}

/** The meaning of what `send` of the runtime returns. */
function outcomeOf(status: number): SendOutcome {
  return status === 1 ? "sent" : status === 0 ? "queued" : "dropped";
}

/**
 * The adapter's fields on a socket. Unlike the methods, they remain usable after close. They are empty on any
 * other object.
 */
interface Fields {
  wsession?: Arrival | RuntimeConnection;
  wsessionSeen?: number;
  /** How many heartbeats in a row were silent. Only set with `heartbeatTimeoutMs`. */
  wsessionSilent?: number;
}

export function fieldsOf(socket: object): Fields {
  return socket;
}

export function connectionOf(socket: object): RuntimeConnection | undefined {
  const { wsession } = fieldsOf(socket);
  return wsession instanceof Arrival ? undefined : wsession;
}

/**
 * Calls a method of a socket. Every method throws once the socket has closed, also inside the close handler.
 */
function attempt<Result>(call: () => Result, closed: Result): Result {
  try {
    return call();
  } catch {
    return closed;
  }
}

/** The socket that `heartbeat` is closing. The runtime emits the close event before `close()` returns. */
let silent: Socket | undefined;

/** The runtime's own reasons for a socket that ended without a close frame. */
const TIMED_OUT = "WebSocket timed out from inactivity";
const PEER_ENDED = "Received TCP FIN before WebSocket close frame";
const BROKEN_FRAME = /^Received /;

/** Who ended a socket, where its close code does not show that. Call it in the close event. */
export function endedBy(socket: Socket, code: number, reason: string): CloseInfo["by"] | undefined {
  if (socket === silent) return "heartbeat";
  if (code !== UNCLEAN || reason === PEER_ENDED) return undefined;
  if (reason === TIMED_OUT) return "heartbeat";
  return BROKEN_FRAME.test(reason) ? "server" : undefined;
}

/**
 * Pings the peer, and closes the socket if no message, ping or pong has arrived since the last heartbeat,
 * unless the peer has read waiting data since then or since the heartbeat before. Two heartbeats are needed,
 * because an operating system accepts more only when a third of its buffer is free, which is up to 1.5 MB.
 * With `silentHeartbeats` above 1 the socket is closed at that many silent heartbeats in a row.
 */
function heartbeat(socket: Socket, silentHeartbeats: number): void {
  const fields = fieldsOf(socket);
  const { wsessionSeen: last = SEEN } = fields;
  const waits = attempt(() => socket.getBufferedAmount(), 0);
  const isStalled = last < SEEN;
  const takes = waits < (isStalled ? STALLED - last : last);
  const isSilent = last !== SEEN && !takes && (isStalled || waits === 0);
  const silentSoFar = isSilent ? (fields.wsessionSilent ?? 0) + 1 : 0;
  if (isSilent && silentSoFar >= silentHeartbeats) {
    silent = socket;
    attempt(() => socket.close(), undefined);
    silent = undefined;
  } else {
    if (silentHeartbeats > 1) fields.wsessionSilent = silentSoFar;
    fields.wsessionSeen = last === SEEN || takes ? waits : STALLED - waits;
    attempt(() => socket.ping(), 0);
  }
}

/** Methods of the runtime that are missing in some versions of its types. */
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

/**
 * Sends fragments, each followed by a ping, which the peer answers when it has read that far (RFC 6455
 * section 5.4).
 */
function sendFragments(
  socket: FragmentSocket,
  data: string | Uint8Array,
  fragmentBytes: number,
): SendOutcome {
  const bytes = typeof data === "string" ? Buffer.from(data) : data;
  let isQueued = false;
  for (let start = 0; start < bytes.length; start += fragmentBytes) {
    const end = start + fragmentBytes;
    const fragment = bytes.subarray(start, end);
    let status: number;
    if (start === 0) status = socket.sendFirstFragment(fragment, typeof data !== "string", false);
    else if (end < bytes.length) status = socket.sendFragment(fragment, false);
    else status = socket.sendLastFragment(fragment, false);
    if (status !== 1) isQueued = true;
    socket.ping();
  }
  return isQueued ? "queued" : "sent";
}
