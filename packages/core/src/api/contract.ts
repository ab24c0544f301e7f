/** The interfaces Connection and Session. */
import type { SendOptions, Sent } from "@wsession/protocol";
import type { Lifetimes } from "../base/lifetimes.ts";

/** The fields of `Data` to change. `undefined` removes a field, and is allowed for optional fields only. */
export type Patch<Data> = {
  readonly [Field in keyof Data]?: {} extends Pick<Data, Field> ? Data[Field] | undefined : Data[Field];
};

/** The options of `ready`. */
export interface ReadyOptions {
  /** When the signal aborts, `ready` rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /**
   * How long to wait, milliseconds. 0 or `Infinity`: until the connection ends. Below 0: not at all, because a caller may pass
   * the remaining time of a limit that is over.
   *
   * @default `early.timeoutMs` of the sessions
   * @throws INVALID_ARGUMENT from `ready` for a value that is not a number.
   */
  readonly timeoutMs?: number | undefined;
}

/**
 * The record of a connection's lower layer. The record and the session are separate: setting one never changes the other (I5).
 * An adapter stores nothing of its own in the record, so a change of the record can't break the connection.
 */
export interface TransportSession<Transport> {
  /** The peer's address as text at the handshake, without a port; readable after close too. */
  readonly remoteAddress: string | undefined;
  /** Whether TLS ends in this process. */
  readonly encrypted: boolean;
  /** When the WebSocket was opened, milliseconds since the epoch. */
  readonly openedAt: number;
  /**
   * The lower layer's own data: the result of the option `transport`, or the data that HTTP code put on the socket, or
   * `undefined`.
   */
  data: Transport;
}

/**
 * The result of `connection.send`. `"sent"`: the message was handed to the operating system, or to the runtime's cork, which is
 * flushed in this tick. `"queued"`: the message was accepted, and part of it waits in this process (backpressure); the handler
 * `drain` is called later. `"dropped"`: the message was not accepted, because it would exceed `maxBufferedBytes`. `"closed"`: the
 * message was not accepted, because the connection has ended or is ending.
 */
export type SendOutcome = "sent" | "queued" | "dropped" | "closed";

/** How a connection ended. */
export interface CloseInfo {
  /** The code of the first close frame, from either side; 1005 if the frame had no code, 1006 if there was no frame. */
  readonly code: number;
  /** The text of the close frame, from either side; "" for none, and always with the code 1006. */
  readonly reason: string;
  /**
   * Who ended the connection. `"peer"`: the peer sent the first close frame. `"server"`: this side ended the connection: `close` or
   * `terminate`, the end of the session (destroyed, expired, replaced), a limit, a handler that failed, the shutdown, or a frame
   * of the peer that breaks the WebSocket protocol. `"heartbeat"`: the peer showed no sign of life. `"network"`: the socket ended
   * without a close frame.
   */
  readonly by: "peer" | "server" | "heartbeat" | "network";
}

/**
 * One live WebSocket on one runtime. The defaults of the type parameters are the widest types: a function that takes a
 * `Connection<Visitor>` takes connections of every transport, context and runtime.
 */
export interface Connection<
  Data extends object = object,
  Transport = unknown,
  Unset extends undefined = undefined,
  Context = unknown,
  Socket = unknown,
> {
  /** The connection's id: unique in this process, and not a secret. */
  readonly id: string;
  /** The name of the runtime: "ws", "uws", "bun" with adapter-bun, or the name that another adapter gives. */
  readonly runtime: "ws" | "uws" | (string & {});
  /** The record of the lower layer, independent of the session (I5). */
  readonly transport: TransportSession<Transport>;
  /**
   * The option `context` of `accept`: the connection's own record. The application may replace it, and may read it after the
   * connection has closed. Neither the client nor the other connections of the session get it.
   */
  context: Context;
  /**
   * The subprotocol that the application chose for the connection, `""` for none. A client of `v1.wsession` offers that name too;
   * it is not among the application's subprotocols.
   */
  readonly protocol: string;
  /** The session once it is set, also after the connection has closed; `undefined` before. */
  readonly session: Session<Data, Transport, Context> | Unset;
  /** Whether the client came back to a session that existed before. */
  readonly resumed: boolean;
  /** The token that the application must send to the client, if no cookie on the 101 carries it; else `undefined`. A secret. */
  readonly token: string | undefined;
  /**
   * Sets the session: creates a session, or replaces the data of the session that is set already (the last call wins). Messages
   * that waited for the session are handled from then on.
   *
   * @throws CONNECTION_CLOSED once the connection has ended, INVALID_DATA, REVOKED, and the errors of the store, as rejections.
   * @example
   * const user = await login(message);
   * await connection.setSession({ name: user.name });
   */
  setSession(data: Data): Promise<Session<Data, Transport, Context>>;
  /**
   * Resolves with the session once the session is set. Never hangs (I6).
   *
   * @throws CONNECTION_CLOSED, READY_TIMEOUT, or the reason of the signal, as rejections.
   * @example
   * const session = await connection.ready({ timeoutMs: 5_000 });
   */
  ready(options?: ReadyOptions): Promise<Session<Data, Transport, Context>>;
  /**
   * Sends a text message (string) or a binary message (bytes). Never throws because of the connection's state: see `SendOutcome`.
   *
   * @throws INVALID_ARGUMENT for data that is neither a string nor a Uint8Array.
   */
  send(data: string | Uint8Array): SendOutcome;
  /** How many bytes wait in this process to be sent; 0 once the connection has closed. */
  readonly bufferedAmount: number;
  /**
   * Starts the closing handshake. Messages that wait for a handler are discarded and counted. Idempotent.
   *
   * @param code 1000 by default.
   * @throws INVALID_ARGUMENT for a code that an endpoint may not send (RFC 6455 section 7.4), or a reason over 123 bytes.
   */
  close(code?: number, reason?: string): void;
  /**
   * Ends the connection at once, without a closing handshake. Idempotent. On uWebSockets.js and Bun messages that were sent in the same
   * tick are lost.
   */
  terminate(): void;
  /**
   * Resolves once the socket of the connection has ended, with the reason; never rejects. Does not wait for the handlers: the
   * handler `close` may be called later.
   */
  readonly closed: Promise<CloseInfo>;
  /**
   * The runtime's own socket object, for features that this library does not cover. Typed in the handlers of `bindSessions`, by
   * `sessions.of(socket)`, and by `HandlersOf<typeof sessions, WebSocket>`.
   */
  readonly socket: Socket;
}

/** A new token, with a code by which a page gets the new token's cookie. */
export interface Renewal {
  /** The new token, for an application that sends tokens to its clients. A use of the renewal code replaces this token. A secret. */
  readonly token: string;
  /** A single-use code, valid for `graceMs`: the page reconnects with the code, and the 101 sets the new cookie. A secret. */
  readonly renewalCode: string;
}

/** The second argument of the handler `resumed`. */
export interface ReplayEvent {
  /**
   * The highest number of messages that are replayed: the messages that were kept while the client was away. 0 for a raw
   * connection.
   */
  readonly replayed: number;
  /**
   * The offsets that the client missed, both ends included. Their messages are no longer kept, so the client should fetch the
   * state.
   */
  readonly missed: { readonly from: number; readonly to: number } | undefined;
}

/**
 * A handle on a session. All handles of one session in a process share one state. Every method that calls the store rejects
 * with SESSION_GONE, with FENCED, or with an error of the store (STORE_UNAVAILABLE, …).
 */
export interface Session<Data extends object = object, Transport = unknown, Context = unknown> {
  /** The session's id, which is the selector of its token. Not a secret: logs and keys may contain the id. */
  readonly id: string;
  /**
   * The data as of `version`, in memory: reading costs no I/O. Change it by `patch`, `update` or `set`, never in place: a change in
   * place is neither stored nor announced. `Readonly` concerns the fields of `Data` itself. Declare lists and objects in your
   * `Data` as readonly too (`readonly items: readonly string[]`), so that the compiler refuses `data.items.push(…)`. If the store
   * keeps JSON, the data is frozen deeply in development.
   */
  readonly data: Readonly<Data>;
  /** 1 at creation. Each change adds 1. */
  readonly version: number;
  /** The session's subject, as `identify` or `admit` set it; `undefined` if there is none. */
  readonly subject: string | undefined;
  /**
   * When the session expires at the latest, milliseconds since the epoch; `Infinity` for never. In memory: reading costs no I/O.
   * A new deadline that another process set arrives as a change of the data does.
   */
  readonly expiresAt: number;
  /**
   * When the session expires unless its client sends a message or it is touched, milliseconds since the epoch; `Infinity` for
   * never. A message moves the deadline with a delay of up to a tenth of the idle time. With `idleFrom: "disconnect"`: `Infinity`
   * while the session has a connection in this process.
   */
  readonly idleExpiresAt: number;
  /** This process's connections of the session. */
  readonly connections: Iterable<Connection<Data, Transport, never, Context>>;
  /**
   * Replaces the data. The last write wins.
   *
   * @throws INVALID_DATA, NOT_SERIALISABLE or TOO_LARGE, as rejections, for data that can't be stored.
   */
  set(data: Data): Promise<void>;
  /**
   * Changes these fields and no other field, so that a simultaneous change of another field is not lost. Several calls in one
   * tick are sent as one write. The new data is a copy of the same class with these fields. An own getter becomes a field with
   * the getter's value in the copy.
   *
   * @throws INVALID_DATA, as a rejection, for data that can't be copied field by field: an array, a Map or another built-in, an
   * instance of a class with `#private` fields. Use `update` for these.
   * @example
   * await session.patch({ name: "Ada", draft: undefined });
   */
  patch(fields: Patch<Data>): Promise<void>;
  /**
   * Changes the data atomically (compare-and-set): `change` gets the current data and returns the next data. `change` must be
   * synchronous and free of side effects, because it runs again each time another writer was first (I8). Resolves with the written
   * data.
   *
   * @throws the error of `change`, CONFLICT after many lost races, and INVALID_ARGUMENT for a `change` that returns a promise, as
   * rejections of this call alone.
   * @example
   * await session.update((data) => ({ ...data, visits: data.visits + 1 }));
   */
  update(change: (data: Readonly<Data>) => Data): Promise<Readonly<Data>>;
  /** Reads the data from the store. The data includes every write that was acknowledged before the call, on any process (I7). */
  refresh(): Promise<Readonly<Data>>;
  /** Moves the idle deadline to `idleMs` from now. `idleMs` is the session's own lifetime if it has one, else the option. */
  touch(): Promise<void>;
  /**
   * Without lifetimes: moves the absolute deadline to `absoluteMs` from now (the session's own, or the option), and the idle
   * deadline as `touch` does. With lifetimes: gives the session these lifetimes from now on, in the store, for every process. A
   * deadline may also become earlier. A lifetime that is not given stays.
   *
   * @throws INVALID_ARGUMENT for a lifetime of a wrong type and for an `expiresAt` that is past. Rejects with NOT_SUPPORTED where
   * lifetimes are given and the store keeps none.
   * @example
   * await session.extend({ expiresAt: jwt.exp * 1_000 });
   */
  extend(lifetimes?: Lifetimes): Promise<void>;
  /**
   * Logs in: sets the subject and replaces the token. The older token becomes invalid at once, against session fixation.
   *
   * @throws REVOKED, as a rejection, if the subject's sessions were destroyed meanwhile.
   * @example
   * const { renewalCode } = await session.identify(user.id);
   * connection.send(JSON.stringify({ type: "reconnect", renewalCode }));
   */
  identify(subject: string): Promise<Renewal>;
  /** Replaces the token. The older token stays valid for `graceMs`. */
  rotate(): Promise<Renewal>;
  /**
   * Keeps a message for the client in the session's outbox, and delivers it to all its connections, on any process. Resolves
   * once the message is in the store (I17). A client of `v1.wsession` that is away gets the message when it reconnects. A raw
   * connection gets the message as an ordinary message while it is connected. Messages of one tick are sent to the store
   * together. If two messages of one tick have the same key, only the later message is kept, and both calls resolve with its
   * offset. With `inConnectionStore()` the message is delivered but not kept, and `offset` is 0.
   *
   * @throws INVALID_ARGUMENT unless the message is a string or a Uint8Array and the options are valid. Rejects with TOO_LARGE
   * for a message over `outbox.maxBytes`, OUTBOX_FULL, NOT_SUPPORTED if the store can't keep messages, or an error of the
   * store.
   * @example
   * await session.send(JSON.stringify({ unread: 7 }), { key: "unread" });
   */
  send(message: string | Uint8Array, options?: SendOptions): Promise<Sent>;
  /** Destroys the session everywhere, and closes its connections with 4410. Resolves with false if the session was gone already. */
  destroy(reason?: string): Promise<boolean>;
}
