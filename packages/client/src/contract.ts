/** The public types: the client, its options and its events. */
import type { Awaitable } from "@wsession/protocol";

/** The part of a WebSocket that the client uses. The classes of browsers, Node.js 22, ws, Bun, Deno and React Native have it. */
export interface WebSocketLike {
  /** 0 connecting, 1 open, 2 closing, 3 closed. */
  readonly readyState: number;
  /** The subprotocol of the server's answer; "" or absent for none. */
  readonly protocol?: string;
  /** The client sets "arraybuffer". */
  binaryType?: string;
  /** Called once the connection is open. */
  onopen: ((event: never) => unknown) | null;
  /** Called with each message, as `event.data`. */
  onmessage: ((event: never) => unknown) | null;
  /** Called if an attempt or a connection fails. `onclose` follows, except in Node.js 22 after an attempt. */
  onerror: ((event: never) => unknown) | null;
  /** Called last, with `event.code` and `event.reason`. */
  onclose: ((event: never) => unknown) | null;
  /** Sends a message. */
  send(data: string | ArrayBuffer): void;
  /** Starts the closing handshake. */
  close(code?: number, reason?: string): void;
}

/** The class of a WebSocketLike. */
export type WebSocketClass = new (url: string, protocols?: string[]) => WebSocketLike;

/** `sessionStorage`, React Native's AsyncStorage, or your own. */
export interface KeyValueStorage {
  /** The value of a key; `null` if it has none. */
  getItem(key: string): Awaitable<string | null>;
  /** Stores a value, in place of an earlier one. The client ignores an error. */
  setItem(key: string, value: string): unknown;
  /** Deletes a key. Does nothing for a key that is not there. */
  removeItem(key: string): unknown;
}

/** Stores the session's token for a client without cookies. */
export interface TokenStorage {
  /** Called before each attempt to connect, so that the client uses a token that another tab has written. */
  read(): Awaitable<string | undefined>;
  /** Called with `undefined` when the token no longer opens a session. */
  write(token: string | undefined): unknown;
  /**
   * The query parameter that carries the token, for `queryToken()` on the server. Absent: the token is sent as a subprotocol, for
   * `protocolToken()` on the server.
   */
  readonly queryParameter?: string | undefined;
}

/** An address. `{ href }` accepts a `URL` or `location` without depending on their types. */
export type Address = string | { readonly href: string };

/** The delays between attempts to connect. Each is a random part of its upper limit (full jitter). */
export interface Backoff {
  /** The upper limit of the first delay, milliseconds. The limit doubles with each failed attempt. @default 250 */
  readonly minMs?: number | undefined;
  /** The longest delay, milliseconds. @default 30000 */
  readonly maxMs?: number | undefined;
}

/**
 * The limits of the messages that `send` of this page was called with and that are not settled, in memory and in `storage`. Messages
 * that earlier pages left in `storage` do not count.
 */
export interface QueueLimits {
  /** The most unsettled messages of `send`. @default 256 */
  readonly maxMessages?: number | undefined;
  /** The most bytes of unsettled messages together; a text counts as UTF-8. @default 1048576 */
  readonly maxBytes?: number | undefined;
}

/** The options of `connect`. */
export interface ClientOptions {
  /** The application's own subprotocols, offered after those of this library. @default [] */
  readonly protocols?: readonly string[] | undefined;
  /** The WebSocket class. Required if the platform has none (on Node.js 20 pass the class of ws). @default globalThis.WebSocket */
  readonly WebSocket?: WebSocketClass | undefined;
  /** Stores the token. Absent: a cookie carries the token. */
  readonly token?: TokenStorage | undefined;
  /**
   * Stores the position and the unsettled messages, so that they survive a reload of the page: `sessionStorage`, or another
   * storage that no two pages share. Without a stored position a page gets only the kept messages that are sent after it has
   * connected. Two clients of a page need two storages if both have the same address, or if the addresses of both are functions: the
   * address is a part of the key. The client ignores a storage that throws, is full, or has data of another version.
   */
  readonly storage?: KeyValueStorage | undefined;
  /** The delays between two attempts, with full jitter. */
  readonly backoff?: Backoff | undefined;
  /** The limits of the queue of `send`. Over a limit `send` rejects with QUEUE_FULL. */
  readonly queue?: QueueLimits | undefined;
  /**
   * Whether messages that were never sent go to the new session after the old session is gone. The new session may be another
   * user's. Messages that were sent reject with SESSION_LOST in any case. @default false
   */
  readonly carryOver?: boolean | undefined;
  /**
   * Milliseconds of silence after which the client probes the server. Without an answer within 5 s the connection counts as
   * dead. If 2.5 times the server's beat is longer, that time applies. @default 45000
   */
  readonly silenceMs?: number | undefined;
  /**
   * The number of connections without progress after which the first unsettled message rejects with UNKNOWN. Connections that the
   * server closed with 4503 before hello do not count: the server was busy, or its store was away. @default 5
   */
  readonly attempts?: number | undefined;
  /** The query parameter of a renewal code: the same as in `cookieToken({ renewalParameter })`. @default "renewal" */
  readonly renewalParameter?: string | undefined;
}

/**
 * The status of a client. `"connecting"`: an attempt runs. `"live"`: messages go to the server. `"waiting"`: the next attempt
 * follows in `retryInMs` milliseconds. `"closed"`: the client makes no further attempt. `code` and `reason` show how the last
 * connection or attempt ended.
 */
export type StatusEvent =
  | {
      readonly status: "connecting" | "live";
      readonly retryInMs?: undefined;
      readonly code?: undefined;
      readonly reason?: undefined;
    }
  | { readonly status: "waiting"; readonly retryInMs: number; readonly code: number; readonly reason: string }
  | {
      readonly status: "closed";
      readonly retryInMs?: undefined;
      readonly code: number;
      readonly reason: string;
    };

/** Why a client has closed for good. */
export type ClosedWhy = "asked" | "login" | "replaced" | "refused" | "protocol";

/** The events of a client, by the type that `on` takes, with the argument of the listener. */
export interface ClientEvents {
  /** A message of the server. A kept message has an `offset`, and is `replayed` if it was kept before this connection. */
  readonly message: {
    readonly data: string | Uint8Array;
    readonly offset: number | undefined;
    readonly replayed: boolean;
  };
  /** The status has changed. */
  readonly status: StatusEvent;
  /** The session of a new connection. `resumed`: the session existed before. */
  readonly session: { readonly id: string; readonly resumed: boolean };
  /**
   * The client will not get the kept messages `from` to `to`. If `certain` is false, the server lost messages or could not compare
   * the positions. Then the server may have lost earlier messages that the client has, so fetch the state again. The next offsets
   * may be lower.
   */
  readonly missed: { readonly from: number; readonly to: number; readonly certain: boolean };
  /** The server lost acknowledged messages in a failover of its store: the `from`th to the `to`th message of this client. */
  readonly rolledBack: { readonly from: number; readonly to: number };
  /**
   * A message that an earlier page left in `storage` is settled. `error` is set if the message was not applied, or may not have
   * been.
   */
  readonly leftover: { readonly data: string | Uint8Array; readonly error: unknown };
  /** The client is closed for good. This is the last event. */
  readonly closed: { readonly code: number; readonly reason: string; readonly why: ClosedWhy };
}

/** A client, as `connect` returns it. It connects at once, and comes back after each lost connection. */
export interface Client {
  /** The status now; each change of it is a `status` event. */
  readonly status: StatusEvent["status"];
  /** The session of the latest connection; `undefined` before the first connection, and while the server has set no session. */
  readonly session: ClientEvents["session"] | undefined;
  /**
   * Sends a numbered message. The message waits while the client is offline, survives lost connections, and is sent again under
   * its number until the server has settled the message. Resolves when the server has handled the message: exactly once with a
   * `transaction` handler, else at least once. Rejects with a ClientError, or with a TransactionRefused that has the code and
   * detail of the server's handler. Both have an `outcome`. An unhandled rejection does not cause an `unhandledRejection`.
   */
  send(message: string | Uint8Array): Promise<void>;
  /**
   * Sends a message that is neither numbered nor kept. Returns false, and sends nothing, if the client is not live.
   *
   * @throws ClientError INVALID_ARGUMENT unless the message is a string or a Uint8Array, and TOO_LARGE if it is longer than the
   * server accepts
   */
  sendNow(message: string | Uint8Array): boolean;
  /**
   * Opens a new connection now, for example after a login over HTTP. Abandons an attempt that is under way. The old connection closes
   * once the new one is live.
   */
  reconnect(): void;
  /**
   * Closes for good. Unsettled messages reject with CLOSED. Resolves when the socket is closed, after at most 3 s.
   *
   * @param code 1000, or 3000 to 4999. @default 1000
   * @param reason at most 123 bytes of UTF-8. @default ""
   * @throws ClientError INVALID_ARGUMENT, as a rejection, for another code or reason
   */
  close(code?: number, reason?: string): Promise<void>;
  /**
   * Calls `listener` at each event of this type. Returns a function that removes the listener. An error of a listener is thrown in a task of its own.
   *
   * @throws ClientError INVALID_ARGUMENT for an unknown type, and for a listener that is not a function
   * @example
   * const stop = client.on("status", ({ status }) => show(status));
   */
  // The names are spelled out, so that a compiler error about a wrong name lists the right names.
  on<Type extends "message" | "status" | "session" | "missed" | "rolledBack" | "leftover" | "closed">(
    type: Type,
    listener: (event: ClientEvents[Type]) => unknown,
  ): () => void;
}
