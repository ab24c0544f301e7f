/**
 * The port between core and a runtime, for authors of adapters.
 *
 * An adapter translates: it copies the handshake, asks `admit`, answers, hands over the socket in the tick in which it
 * gets it, and from then on passes on what arrives. Every decision is core's.
 */
import type { Handshake } from "../handshake/handshake.ts";
import type { SendOutcome } from "./contract.ts";
import type { ErrorContext } from "./options.ts";

export {
  assertBoolean,
  assertDuration,
  assertFunction,
  assertMethods,
  assertNoMore,
  assertOneOf,
  assertOptions,
  assertString,
  assertText,
  shown,
} from "../base/arguments.ts";
export { assertNames, invalidArgument } from "../base/errors.ts";
export type { SendOutcome } from "./contract.ts";
export { isRefusedPromise } from "../base/promises.ts";
export { assertHeader, parseProtocols, plainAddress } from "../handshake/handshake.ts";

/**
 * What core asks of a runtime. One object for all sockets, so that a connection costs no wrapper of its own.
 * None of these may throw, whatever state the socket is in; after the end `send` answers `"closed"`, `bufferedAmount` 0.
 */
export interface Runtime<Socket extends object> {
  readonly name: "ws" | "uws";
  /** What `bind`'s `open` returned for a socket; `undefined` for any other object. */
  connectionOf(socket: object): RuntimeConnection | undefined;
  /** Hands one message to the socket, in order. Core keeps `maxBufferedBytes`; the runtime's own limit may still drop. */
  send(socket: Socket, data: string | Uint8Array): SendOutcome;
  /**
   * As `send`, for a message of more than `fragmentBytes`: in fragments of that size at most, with a ping behind each, so that a
   * peer which reads it slowly shows that it reads (RFC 6455 section 5.4). Absent, or where the runtime can't: one frame.
   */
  readonly sendLong?:
    | ((socket: Socket, data: string | Uint8Array, fragmentBytes: number) => SendOutcome)
    | undefined;
  /** Pings once. Core calls this where much is written between two heartbeats, for the same reason. */
  readonly ping?: ((socket: Socket) => void) | undefined;
  /** Bytes that were taken by `send` and not yet by the operating system. */
  bufferedAmount(socket: Socket): number;
  /** Calls `connection.drained()` once when `bufferedAmount` is 0 again; core asks at most once until it is called. */
  awaitDrain(socket: Socket): void;
  /**
   * Starts the closing handshake, and ends the socket within bounded time whatever the peer does: core calls `terminate` 2 s
   * after, or later if the peer still takes what was sent before. From here on nothing of the peer's reaches any listener of
   * the socket, the application's own ones included, because what it sends may be of a session that is gone.
   */
  close(socket: Socket, code: number, reason: string): void;
  /** Ends the socket at once, without a closing handshake. */
  terminate(socket: Socket): void;
  /**
   * Called every `heartbeatMs`: pings (RFC 6455 section 5.5.2), and terminates a socket whose peer has shown no sign of life
   * since the call before: not a byte came, not even of a pong, and nothing was taken of what waits for the peer.
   */
  heartbeat(socket: Socket, heartbeatMs?: number): void;
  /**
   * Whether the peer has taken something of what waits for it since this was last asked, or is about to show that it does.
   * Asked while a closing handshake is under way, every 2 seconds. Absent: core compares `bufferedAmount`.
   */
  readonly isTaking?: ((socket: Socket) => boolean) | undefined;
  /** Stops reading (I3). Absent where the runtime can't. */
  readonly pause?: ((socket: Socket) => void) | undefined;
  readonly resume?: ((socket: Socket) => void) | undefined;
}

/** Core's end of a connection, for the adapter. */
export interface RuntimeConnection {
  /** A whole message. Text is decoded; binary is the handler's to keep, unless it is `borrowed` for this call alone. */
  receive(data: string | Uint8Array, borrowed?: boolean): void;
  /** The socket has ended; called once. `code` is 1006 where no close frame came, 1005 where it had no code. */
  ended(code: number, reason: string): void;
  /** `bufferedAmount` is 0 again. */
  drained(): void;
}

/** What came of a handshake. */
export type HandshakeAnswer =
  | {
      readonly type: "accept";
      /** Hand it to `open`, or to `abandon` if the socket goes away first; exactly one of them, once. */
      readonly ticket: Ticket;
      /** For the 101, names as `accept` and the carrier wrote them; a name may come more than once, as `set-cookie` does. */
      readonly headers: ReadonlyArray<readonly [name: string, value: string]>;
      /** What the client offered, without a token: the application's choice is made among these. */
      readonly protocols: readonly string[];
    }
  | {
      readonly type: "reject";
      /** An HTTP status, 400 to 599. */
      readonly status: number;
      /** A short plain-text body, never empty. */
      readonly reason: string;
    };

/** An admitted handshake on its way to a connection. Opaque to adapters. */
export interface Ticket {
  readonly handshake: Handshake;
}

export interface RuntimeBinding<Socket extends object> {
  /**
   * Decides on a handshake before it is answered; never rejects. `found` is what HTTP code put on the transport's
   * record.
   */
  admit(handshake: Handshake, found: unknown): Promise<HandshakeAnswer>;
  /**
   * The socket is there. MUST be called in the tick in which the runtime hands it over.
   *
   * @throws INVALID_ARGUMENT for a ticket that was used already, or that another binding made; for nothing else.
   */
  open(socket: Socket, ticket: Ticket): RuntimeConnection;
  /** The client went away before the answer, or the answer could not be sent. Never throws. */
  abandon(ticket: Ticket): void;
  /**
   * Reports what nobody waits for, to `onError`. The stage says whose doing it is: `"adapter"`, the application's mistake, which
   * is always told; `"client"`, what a client or its network did, which is counted and told to an explicit `onError` alone.
   * Default: `"client"` for an error of the operating system (`ECONNRESET`, `EPIPE`, …), else `"adapter"`. Never throws.
   */
  report(error: unknown, context?: ErrorContext): void;
  /** Ends this binding's connections and admits no more; resolves when their close handlers have settled. */
  close(options?: CloseOptions): Promise<void>;
  /**
   * Calls `release` once `close` is about to resolve, whoever called it: the adapter lets go of the server then, which may be
   * bound again, and of the binding, because otherwise a server that lives on keeps all that was ever bound to it.
   */
  onClosed(release: () => void): void;
  /** Live connections of this binding. */
  readonly size: number;
  /** Between two calls of `heartbeat`; 0 where it is never called. */
  readonly heartbeatMs: number;
}

/** What a `bindSessions` returns. */
export interface Binding {
  /** Live connections of this binding. */
  readonly size: number;
  /** As `sessions.close`, for this server alone: the sessions stay open for other servers. Idempotent. */
  close(options?: CloseOptions): Promise<void>;
}

/** What makes no sense throws INVALID_ARGUMENT, and nothing is closed. */
export interface CloseOptions {
  /** Default 1012. */
  readonly code?: number | undefined;
  /** Default "server restarting". */
  readonly reason?: string | undefined;
  /**
   * Milliseconds; connection i of n is ended after `drainMs * i / n`, so that not all come back at once. What has arrived is
   * handled first; what is not handled within `drainMs`, or within 5 s where it is 0, is discarded and counted.
   *
   * @default 0
   */
  readonly drainMs?: number | undefined;
}
