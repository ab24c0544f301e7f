/** The sockets of Bun behind the interface of core. */
import type { CloseInfo } from "@wsession/core";
import type { Runtime, RuntimeBinding, RuntimeConnection, SendOutcome, Ticket } from "@wsession/core/runtime";
import type { BunSocket } from "./bun.ts";

const STATE: unique symbol = Symbol("wsession.state");
const OPEN = 1;

/** The arguments of `ended`. */
export type EndOfSocket = Parameters<RuntimeConnection["ended"]>;

/** The adapter's state of a socket. A property of the socket, because `data` belongs to the application. */
export class SocketState {
  readonly binding: RuntimeBinding<BunSocket>;
  /** `undefined` until `open` of the binding has returned. */
  connection: RuntimeConnection | undefined = undefined;
  /** The close event, if it came during `open`: `close()` emits it before it returns. */
  end: EndOfSocket | undefined = undefined;
  /** Whether a message, a ping or a pong arrived since the last heartbeat. */
  isSeen = true;
  /** How many bytes waited at the last heartbeat. */
  waiting = 0;
  /** Whether the peer read none of the waiting bytes between the last two heartbeats. */
  isStalled = false;
  /** How many heartbeats in a row were silent. */
  silent = 0;
  /** Set if this adapter ends the socket, and not core. */
  endedBy: CloseInfo["by"] | undefined = undefined;

  constructor(binding: RuntimeBinding<BunSocket>) {
    this.binding = binding;
  }
}

/** The socket's `data` between `upgrade` and `open`. */
export class Arrival {
  /** The binding that admitted the handshake. */
  readonly binding: RuntimeBinding<BunSocket>;
  /** The admitted handshake, for `open` of the binding, or for `abandon`. */
  readonly ticket: Ticket;
  /** The application's choice of a subprotocol, if core answers with its own subprotocol. */
  readonly protocol: string;
  /** The socket's `data` from `open` on. */
  readonly found: unknown;

  constructor(binding: RuntimeBinding<BunSocket>, ticket: Ticket, protocol: string, found: unknown) {
    this.binding = binding;
    this.ticket = ticket;
    this.protocol = protocol;
    this.found = found;
  }
}

/** A socket with the adapter's property, which is a symbol, so that it can't clash with the application's. */
interface BoundSocket extends BunSocket {
  [STATE]?: SocketState;
}

export function keepState(socket: BoundSocket, state: SocketState): void {
  socket[STATE] = state;
}

export function stateOf(socket: BoundSocket): SocketState | undefined {
  return socket[STATE];
}

/** Creates the runtime. No method of Bun's sockets throws after the socket has closed. */
export function bunRuntime({
  compress,
  maxMessageBytes,
}: {
  /** Whether messages are compressed if compression was negotiated. */
  readonly compress: boolean;
  readonly maxMessageBytes: number;
}): Runtime<BunSocket> {
  return {
    name: "bun",
    connectionOf: (socket: Pick<BoundSocket, typeof STATE>) => socket[STATE]?.connection,
    send: (socket, data) => outcomeOf(socket, data, socket.send(data, compress)),
    sendUncompressed: (socket, data) => outcomeOf(socket, data, socket.send(data, false)),
    sendAll(socket, messages) {
      if (socket.readyState !== OPEN) return "closed";
      const outcomes: SendOutcome[] = [];
      // Corked, because the runtime makes a system call for each otherwise.
      socket.cork(() => messages.forEach((message) => outcomes.push(this.send(socket, message))));
      const waits = socket.getBufferedAmount() > 0;
      return outcomes.find((outcome) => outcome !== "sent") ?? (waits ? "queued" : "sent");
    },
    speaksSubprotocol: true,
    maxMessageBytes,
    ping: (socket, data) => void socket.ping(data),
    pong: (socket, data) => void socket.pong(data),
    bufferedAmount: (socket) => socket.getBufferedAmount(),
    // The runtime emits the drain event of every socket anyway.
    awaitDrain: () => undefined,
    close: (socket, code, reason) => socket.close(code, reason),
    terminate: (socket) => socket.terminate(),
    heartbeat: (socket, _heartbeatMs, silentHeartbeats = 1) => heartbeat(socket, silentHeartbeats),
    countsSilence: true,
    pause: (socket) => socket.pause(),
    resume(socket) {
      // Data that arrived during the pause is read after this, so the next heartbeat must not conclude that the
      // peer was silent.
      const state = stateOf(socket);
      if (state !== undefined) state.isSeen = true;
      socket.resume();
    },
  };
}

/** The outcome of a `send`. The runtime answers 0 for an empty message too. */
function outcomeOf(socket: BunSocket, data: string | Uint8Array, status: number): SendOutcome {
  if (status > 0) return "sent";
  if (status < 0) return "queued";
  if (socket.readyState !== OPEN) return "closed";
  if (data.length > 0) return "dropped";
  return socket.getBufferedAmount() === 0 ? "sent" : "queued";
}

/** The runtime's own reasons for a socket that it ended. */
const TIMED_OUT = "WebSocket timed out from inactivity";
const PEER_ENDED = "Received TCP FIN before WebSocket close frame";
/** The close code of a socket that ended without a close frame (RFC 6455 section 7.1.5). */
const UNCLEAN = 1006;

/** Who ended a socket, where its close code does not show that. */
export function endedBy(state: SocketState, code: number, reason: string): CloseInfo["by"] | undefined {
  if (state.endedBy !== undefined) return state.endedBy;
  if (code === UNCLEAN) {
    // No reason comes without a close frame: each reason is the runtime's.
    if (reason === TIMED_OUT) return "heartbeat";
    return reason === "" || reason === PEER_ENDED ? undefined : "server";
  }
  return undefined;
}

/**
 * Pings the peer, and ends the socket if no message, ping or pong has arrived since the last heartbeat, unless the peer has read
 * waiting data since then or since the heartbeat before. Two heartbeats are needed, because an operating system accepts more only
 * when a third of its buffer is free, which is up to 1.5 MB. With `silentHeartbeats` above 1 the socket is ended at that many
 * silent heartbeats in a row. A paused socket is not checked.
 *
 * The runtime's own timeout can't end silent peers: each write restarts that timeout, and so does the ping.
 */
function heartbeat(socket: BunSocket, silentHeartbeats: number): void {
  const state = stateOf(socket);
  if (state === undefined || socket.readyState !== OPEN) return;
  const waiting = socket.getBufferedAmount();
  const isAlive = state.isSeen || socket.isPaused || waiting < state.waiting;
  const isSilent = !isAlive && (state.isStalled || waiting === 0);
  state.silent = isSilent ? state.silent + 1 : 0;
  if (isSilent && state.silent >= silentHeartbeats) {
    state.endedBy = "heartbeat";
    return socket.terminate();
  }
  state.isStalled = !isAlive;
  state.isSeen = false;
  state.waiting = waiting;
  socket.ping();
}
