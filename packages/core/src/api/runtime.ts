/**
 * The interface between core and a runtime, for authors of adapters.
 *
 * An adapter only translates. It copies the handshake, calls `admit`, and sends the answer. It passes the socket to `open` in the
 * tick in which the runtime provides the socket, and passes on each event of the socket. Core makes every decision.
 */
import type { Handshake } from "../handshake/handshake.ts";
import type { CloseInfo, SendOutcome } from "./contract.ts";
import type { ErrorContext } from "./error-context.ts";

/**
 * The methods of a runtime that core calls. One object serves all sockets, so that a connection needs no wrapper object. No method
 * may throw, in any state of the socket. After the end of the socket `send` answers `"closed"` and `bufferedAmount` 0.
 */
export interface Runtime<Socket extends object> {
  /** A short name, which connections have as `runtime`. */
  readonly name: "ws" | "uws" | (string & {});
  /** The connection that `open` of the binding returned for this socket; `undefined` for any other object. */
  connectionOf(socket: object): RuntimeConnection | undefined;
  /**
   * Hands one message to the socket, in order. Core enforces `maxBufferedBytes`; a limit of the runtime may still drop the
   * message.
   */
  send(socket: Socket, data: string | Uint8Array): SendOutcome;
  /**
   * As `send`, for a text behind a lead of one ASCII character, given as its code: a frame of `v1.wsession`. For an adapter that can
   * write both into one buffer, which costs less than a string of both. Absent: core calls `send` with the string of both.
   */
  readonly sendWithLead?: ((socket: Socket, lead: number, text: string) => SendOutcome) | undefined;
  /**
   * As `send`, for a message of more than `fragmentBytes`: sends fragments of that size at most, with a ping after each fragment
   * (RFC 6455 section 5.4). The pongs show that a slow peer reads. Absent if the runtime can only send one frame.
   */
  readonly sendLong?:
    | ((socket: Socket, data: string | Uint8Array, fragmentBytes: number) => SendOutcome)
    | undefined;
  /**
   * As `send`, for several messages: hands all of them to the operating system in one system call, because a call for each message
   * costs more than the rest of its processing. Answers "sent" if all were sent. Absent: core calls `send` for each message.
   */
  readonly sendAll?:
    | ((socket: Socket, messages: ReadonlyArray<string | Uint8Array>) => SendOutcome)
    | undefined;
  /** As `send`, but never compressed, for secrets. Absent: core calls `send`. */
  readonly sendUncompressed?: ((socket: Socket, data: string | Uint8Array) => SendOutcome) | undefined;
  /**
   * True: the adapter answers a handshake with the `subprotocol` of `HandshakeAnswer`, and passes the application's own choice to
   * `open`. Absent: a client of `v1.wsession` gets the answer to an unknown subprotocol.
   */
  readonly speaksSubprotocol?: boolean | undefined;
  /** The longest message that the runtime accepts, in bytes. Absent: hello states 64 KiB to a client of `v1.wsession`. */
  readonly maxMessageBytes?: number | undefined;
  /** Sends one ping. Core calls `ping` when much is written between two heartbeats, so that the pong shows that the peer reads. */
  readonly ping?: ((socket: Socket, data?: Uint8Array) => void) | undefined;
  /** Sends an unsolicited pong (RFC 6455 section 5.5.3). Absent if the runtime can't. */
  readonly pong?: ((socket: Socket, data?: Uint8Array) => void) | undefined;
  /**
   * After this call each ping and pong of the peer reaches `connection.controlFrame`. Core calls `watchPings` once for a socket,
   * and only for a connection with a tap. Absent: the runtime calls `controlFrame` in any case, or never.
   */
  readonly watchPings?: ((socket: Socket) => void) | undefined;
  /** How many bytes `send` has accepted, and the operating system has not accepted yet. */
  bufferedAmount(socket: Socket): number;
  /** Calls `connection.drained()` once when `bufferedAmount` is 0 again. Core calls `awaitDrain` at most once until then. */
  awaitDrain(socket: Socket): void;
  /**
   * Starts the closing handshake. Core calls `terminate` 2 s later if the peer has not answered, or later while the peer still
   * reads the data that was sent before. After this call no message of the peer may reach any listener of the socket. This includes
   * the application's own listeners. The message may be meant for a session that is gone.
   */
  close(socket: Socket, code: number, reason: string): void;
  /** Ends the socket at once, without a closing handshake. */
  terminate(socket: Socket): void;
  /**
   * Called every `heartbeatMs`. Sends a ping (RFC 6455 section 5.5.2). Terminates the socket if its peer has shown no sign of life
   * since the previous call. Each byte from the peer is a sign of life, and so is each byte that the peer reads of the data that
   * waits to be sent. With `silentHeartbeats` above 1 the socket is terminated at that many silent calls in a row.
   */
  heartbeat(socket: Socket, heartbeatMs?: number, silentHeartbeats?: number): void;
  /**
   * True: `heartbeat` applies `silentHeartbeats`. Absent: `bind` throws NOT_SUPPORTED for a `heartbeatTimeoutMs` of more than one
   * heartbeat.
   */
  readonly countsSilence?: boolean | undefined;
  /**
   * Whether the peer has read some of the waiting data since the last call, or may still show that it reads (by a pong). Called
   * every 2 seconds during a closing handshake. Absent: core compares `bufferedAmount`.
   */
  readonly isTaking?: ((socket: Socket) => boolean) | undefined;
  /** Stops reading the socket, until `resume` (I3). Absent if the runtime can't pause. */
  readonly pause?: ((socket: Socket) => void) | undefined;
  /** Reads the socket again. Absent if `pause` is. */
  readonly resume?: ((socket: Socket) => void) | undefined;
}

/** The methods of a connection that an adapter calls. */
export interface RuntimeConnection {
  /** A whole message arrived. Text is a string. Bytes belong to the handler, unless they are `borrowed` for this call alone. */
  receive(data: string | Uint8Array, borrowed?: boolean): void;
  /**
   * The socket has ended. Called once. `code` is 1006 if no close frame arrived, and 1005 if the frame had no code. `by` is given
   * where the adapter has more information than the code shows: `"heartbeat"` for a peer that showed no sign of life, `"server"`
   * for a socket that the runtime itself ended, such as after a protocol error. Absent: `"network"` for the code 1006, else
   * `"peer"`. If core ended the connection first, core's own code, reason and `by` stay.
   *
   * With the code 1006 the connection has no reason. If `by` is `"server"`, core reports a `reason` of the runtime as a protocol error
   * of the client. An adapter that has reported the error itself passes `""`.
   */
  ended(code: number, reason: string, by?: CloseInfo["by"]): void;
  /** `bufferedAmount` is 0 again. */
  drained(): void;
  /** A ping or a pong of the peer arrived, with these bytes, which belong to the connection. Absent on connections that were refused. */
  readonly controlFrame?: ((type: "ping" | "pong", data: Uint8Array) => void) | undefined;
}

/** The answer to a handshake. */
export type HandshakeAnswer =
  | {
      readonly type: "accept";
      /** Pass the ticket to `open`, or to `abandon` if the socket goes away first: to exactly one of them, once. */
      readonly ticket: Ticket;
      /** The headers of the 101, names as `accept` and the carrier wrote them. A name may come more than once (`set-cookie`). */
      readonly headers: ReadonlyArray<readonly [name: string, value: string]>;
      /** The subprotocols that the client offered, without a token. The application chooses among these. */
      readonly protocols: readonly string[];
      /**
       * The subprotocol of the answer, regardless of the application's choice. Given only if the runtime has
       * `speaksSubprotocol`. Then the adapter passes the application's choice among `protocols` to `open`.
       */
      readonly subprotocol?: string | undefined;
    }
  | {
      readonly type: "reject";
      /** The HTTP status, 400 to 599. */
      readonly status: number;
      /** The body: short, plain text, never empty. */
      readonly reason: string;
      /** Headers of the application. A name may come more than once (`set-cookie`). Absent: none. */
      readonly headers?: ReadonlyArray<readonly [name: string, value: string]> | undefined;
    };

/** An admitted handshake whose connection is not open yet. An adapter passes the ticket on, and reads only `handshake`. */
export interface Ticket {
  /** The handshake that was admitted, for the adapter's own callbacks such as `handleProtocols`. */
  readonly handshake: Handshake;
}

/** The object that `sessions.bind` returns to an adapter. */
export interface RuntimeBinding<Socket extends object> {
  /**
   * Decides on a handshake before it is answered. Never rejects. `found` becomes the second argument of the options `admit` and
   * `transport`.
   */
  admit(handshake: Handshake, found: unknown): Promise<HandshakeAnswer>;
  /**
   * Starts the connection. MUST be called in the tick in which the runtime hands the socket over (I1).
   * `protocol` is the subprotocol that the application chose, which the connection has as `protocol`; "" for no choice. It is not
   * the `subprotocol` of the answer.
   *
   * @throws INVALID_ARGUMENT for a ticket that was used already, or that another binding made. Nothing else is thrown.
   */
  open(socket: Socket, ticket: Ticket, protocol?: string): RuntimeConnection;
  /** The client went away before the answer, or the answer could not be sent. Never throws. */
  abandon(ticket: Ticket): void;
  /**
   * Reports an error that no caller waits for. Never throws. The stage names the cause of the error. `"adapter"`: the application;
   * always reported. `"client"`: a client or its network; counted, and reported to an explicit `onError` alone.
   *
   * @param context The default is the stage `"client"` for an error of the operating system (`ECONNRESET`, `EPIPE`, …), else the
   * stage `"adapter"`.
   */
  report(error: unknown, context?: ErrorContext): void;
  /** Ends this binding's connections and admits no more. Resolves when their close handlers have settled. */
  close(options?: CloseOptions): Promise<void>;
  /**
   * Calls `release` just before `close` resolves, also if the application called `sessions.close`. The adapter must then remove
   * its listeners from the server and its references to the binding. Otherwise a server that is bound again would leak every
   * earlier binding.
   */
  onClosed(release: () => void): void;
  /** How many live connections this binding has. */
  readonly size: number;
  /** Milliseconds between two calls of `heartbeat`; 0 if `heartbeat` is never called. */
  readonly heartbeatMs: number;
  /** After how many silent heartbeats in a row a connection is ended. */
  readonly silentHeartbeats: number;
}

/** The object that `bindSessions` of an adapter returns. */
export interface Binding {
  /** How many live connections this binding has. */
  readonly size: number;
  /** As `sessions.close`, for this server alone: the sessions still serve other servers. Idempotent. */
  close(options?: CloseOptions): Promise<void>;
}

/** The options of `close`. An invalid value throws INVALID_ARGUMENT, and nothing is closed. */
export interface CloseOptions {
  /**
   * The close code of the connections.
   *
   * @default 1012
   */
  readonly code?: number | undefined;
  /**
   * The close reason of the connections, 123 bytes of UTF-8 at most.
   *
   * @default "server restarting"
   */
  readonly reason?: string | undefined;
  /**
   * The time over which the connections are ended, milliseconds: connection i of n is ended after `drainMs * i / n`, so that not
   * all clients reconnect at once (thundering herd). Messages that have arrived are handled first. Messages that are not handled
   * within `drainMs` (within 5 s if `drainMs` is 0) are discarded and counted.
   *
   * @default 0; 10,000 with `handover`
   */
  readonly drainMs?: number | undefined;
  /**
   * Whether clients of `v1.wsession` move to another process while their connection here still works. The server announces the end
   * to one client after another, evenly over the first half of `drainMs` (over all but the last 5 s of `drainMs`, if that is
   * longer). After the announcement the client connects elsewhere, attaches there, and then leaves here. Clients that are still
   * here after `drainMs`, for example because no other process accepted them, are closed with `code`. Connections that do not use
   * the protocol are closed over `drainMs`, as without `handover`. The call resolves as soon as all connections have gone.
   *
   * The sessions must be in a store that the other process shares, or the server must be another one of the same process
   * (`binding.close`). Otherwise the client begins a new session there.
   *
   * @default false
   */
  readonly handover?: boolean | undefined;
}
