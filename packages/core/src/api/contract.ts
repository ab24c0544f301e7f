/** The nouns an application meets: Connection, Session, Handlers. */
import type { Handshake } from "../handshake/handshake.ts";

/** Fields of `Data` to change. `undefined` removes a field, and is allowed for optional ones only. */
export type Patch<Data> = {
  readonly [Field in keyof Data]?: {} extends Pick<Data, Field> ? Data[Field] | undefined : Data[Field];
};

export interface ReadyOptions {
  /** Rejects with the signal's reason when it aborts. */
  readonly signal?: AbortSignal | undefined;
  /**
   * Milliseconds; default `early.timeoutMs`. 0 or `Infinity`: wait until the connection ends. Below 0, as what is left of a
   * time may be: none. What is no number throws INVALID_ARGUMENT.
   */
  readonly timeoutMs?: number | undefined;
}

/**
 * The lower layer's own record of a connection. It has nothing in common with the session: setting one never touches
 * the other (I5), and nothing that an adapter needs is kept in it, so its data can't break the connection.
 */
export interface TransportSession<Transport> {
  /** The peer's address as text at the handshake, without a port; readable after close too. */
  readonly remoteAddress: string | undefined;
  /** Whether TLS ends in this process. */
  readonly encrypted: boolean;
  /** When the WebSocket was opened, milliseconds since the epoch. */
  readonly openedAt: number;
  /** The lower layer's own data: what `transport` returned, else what HTTP code had put there, else `undefined`. */
  data: Transport;
}

/**
 * What became of a message. `"sent"`: handed to the operating system (or to the runtime's cork, flushed this tick).
 * `"queued"`: taken, and part of it waits in this process; `drain` follows. `"dropped"`: not taken, `maxBufferedBytes`
 * would be exceeded. `"closed"`: not taken, the connection has ended or is ending.
 */
export type SendOutcome = "sent" | "queued" | "dropped" | "closed";

/** One live WebSocket on one runtime. */
export interface Connection<
  Data extends object = object,
  Transport = unknown,
  Unset extends undefined = undefined,
> {
  /** Unique in this process, not a secret. */
  readonly id: string;
  readonly runtime: "ws" | "uws";
  readonly transport: TransportSession<Transport>;
  /** The session once it is set, also after close; `undefined` before. Told apart from every value of `Data`. */
  readonly session: Session<Data> | Unset;
  /** Whether the client came back to a session that was there before. */
  readonly resumed: boolean;
  /** The token that the client must be told, where no cookie on the 101 carries it; else `undefined`. A secret. */
  readonly token: string | undefined;
  /**
   * Sets the session: creates it, or replaces its data if it is set already (the last one wins). Opens the gate.
   * Rejects with CONNECTION_CLOSED once the connection has ended, and as the store does.
   */
  setSession(data: Data): Promise<Session<Data>>;
  /**
   * Resolves with the session as soon as it is set, by whomever and whenever. Rejects with CONNECTION_CLOSED,
   * READY_TIMEOUT, or the signal's reason; never hangs (I6).
   */
  ready(options?: ReadyOptions): Promise<Session<Data>>;
  /**
   * Sends a text (string) or binary message. Never throws for the state of the connection. What is neither throws
   * INVALID_ARGUMENT.
   */
  send(data: string | Uint8Array): SendOutcome;
  /** Bytes that wait in this process; 0 once closed. */
  readonly bufferedAmount: number;
  /**
   * Starts the closing handshake; messages that wait for a handler are discarded and counted. Idempotent.
   * `code` defaults to 1000; one that an endpoint may not send, or a reason over 123 bytes, throws INVALID_ARGUMENT.
   */
  close(code?: number, reason?: string): void;
  /** Ends the connection at once, without a closing handshake. Idempotent. */
  terminate(): void;
  /** The runtime's own object, for what this library does not cover. */
  readonly socket: unknown;
}

export interface Renewal {
  /** The new token, for a client that is told it by a message of yours; the renewal code, once used, replaces it. A secret. */
  readonly token: string;
  /** Good once, within the grace: the page reconnects with it, and the 101 sets the new cookie. A secret. */
  readonly renewalCode: string;
}

/**
 * A handle on a session. What is behind it is one per session and process, however many handles there are. Every
 * method that asks the store rejects with SESSION_GONE, FENCED, or as the store does (STORE_UNAVAILABLE, …).
 */
export interface Session<Data extends object = object> {
  /** The token's selector: not a secret, fit for logs and keys. */
  readonly id: string;
  /** In memory, as of `version`: reading costs no I/O. Frozen deeply in development where values are JSON. */
  readonly data: Readonly<Data>;
  /** 1 at creation; each change adds 1. */
  readonly version: number;
  /** Whose it is, set by `identify`. */
  readonly subject: string | undefined;
  /** This process's connections of the session. */
  readonly connections: Iterable<Connection<Data>>;
  /** Replaces the data. The last one wins. */
  set(data: Data): Promise<void>;
  /**
   * Changes these fields and no other: never loses another writer's field. Several in one tick travel together. The data
   * becomes a copy with these fields, of the same class; an own getter becomes the value that it had.
   *
   * @throws INVALID_DATA where a copy of the fields is not the data: an array, a Map or another built-in, an instance of a class
   * with `#private` fields. Use `update` there.
   */
  patch(fields: Patch<Data>): Promise<void>;
  /**
   * Changes the data atomically: `change` gets the current data and returns the next. It is synchronous (a promise
   * rejects with INVALID_ARGUMENT), free of effects, and runs again when another writer came first (I8).
   * Resolves with what was written. What `change` throws rejects this call alone.
   */
  update(change: (data: Readonly<Data>) => Data): Promise<Readonly<Data>>;
  /** Reads from the store: sees every write that was acknowledged before, on any process (I7). */
  refresh(): Promise<Readonly<Data>>;
  /** Moves the idle deadline to now + `idleMs`. */
  touch(): Promise<void>;
  /** Moves the absolute deadline to now + `absoluteMs`, and the idle one as `touch` does: the application checked again. */
  extend(): Promise<void>;
  /** Login: sets the subject, replaces the token and kills the older one at once, against fixation. */
  identify(subject: string): Promise<Renewal>;
  /** Replaces the token; the older one stays good for the grace. */
  rotate(): Promise<Renewal>;
  /** Destroys the session everywhere and closes its connections with 4410. False: it was gone already. */
  destroy(reason?: string): Promise<boolean>;
}

/**
 * Application code. What a handler returns is not looked at, but for a promise, which is waited for. Properties, not
 * methods, so that handlers relying on `initial` are refused without it.
 */
export interface Handlers<
  Data extends object = object,
  Transport = unknown,
  Unset extends undefined = undefined,
> {
  /** First of all, once. While it has not settled no message is handled (I1). */
  readonly open?:
    | ((connection: Connection<Data, Transport, Unset>, handshake: Handshake) => unknown)
    | undefined;
  /** In order, each once, one at a time (I2). What it throws closes the connection: 1011, or 4503 for the store (I12). */
  readonly message?:
    | ((connection: Connection<Data, Transport, Unset>, data: string | Uint8Array) => unknown)
    | undefined;
  /**
   * The session was changed by anyone but this connection's own handle; `data` as it is now. Runs after the code that wrote,
   * never inside it, and before its `await` goes on; changes of one tick are told as one. Nothing waits for its promise;
   * what it throws or rejects with goes to `onError`, and closes as a message's does (I12).
   */
  readonly change?:
    | ((connection: Connection<Data, Transport, Unset>, data: Readonly<Data>) => unknown)
    | undefined;
  /** The session's absolute deadline is near; `remainingMs` to go. `sessions`' option `expiringMs` says how near. */
  readonly expiring?:
    | ((connection: Connection<Data, Transport, Unset>, remainingMs: number) => unknown)
    | undefined;
  /** After a `"queued"`: everything has been handed to the operating system. As `change`, not waited for. */
  readonly drain?: ((connection: Connection<Data, Transport, Unset>) => unknown) | undefined;
  /** Last of all, exactly once if `open` was called; `connection.session` is as it was (I4). */
  readonly close?:
    | ((
        connection: Connection<Data, Transport, Unset>,
        event: { readonly code: number; readonly reason: string },
      ) => unknown)
    | undefined;
}
