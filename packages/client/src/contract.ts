/** What an application meets: the types of the client, its options and its events. */
import type { Awaitable } from "@wsession/protocol";

/** What the client needs of a WebSocket: the classes of browsers, Node.js 22, ws, Bun, Deno and React Native have it. */
export interface WebSocketLike {
  readonly readyState: number;
  readonly protocol?: string;
  binaryType?: string;
  onopen: ((event: never) => unknown) | null;
  onmessage: ((event: never) => unknown) | null;
  onerror: ((event: never) => unknown) | null;
  onclose: ((event: never) => unknown) | null;
  send(data: string | ArrayBuffer): void;
  close(code?: number, reason?: string): void;
}

/** The class of a WebSocketLike. */
export type WebSocketClass = new (url: string, protocols?: string[]) => WebSocketLike;

/** `sessionStorage`, React Native's AsyncStorage, or your own. */
export interface KeyValueStorage {
  getItem(key: string): Awaitable<string | null>;
  setItem(key: string, value: string): unknown;
  removeItem(key: string): unknown;
}

/** Where the session's token is, where no cookie carries it. */
export interface TokenStorage {
  /** Asked before each attempt to connect, so that a token which another tab wrote counts. */
  read(): Awaitable<string | undefined>;
  /** Given `undefined` where the token opens no session any more. */
  write(token: string | undefined): unknown;
  /**
   * The query parameter in which the token is offered, for `queryToken()` on the server. Absent: it is offered as a
   * subprotocol, as `protocolToken()` reads it.
   */
  readonly queryParameter?: string | undefined;
}

/** An address: `{ href }` is a `URL` or `location`, without needing its type. */
export type Address = string | { readonly href: string };

export interface Backoff {
  /** The first wait before a new attempt is between 0 and this, milliseconds; it doubles from attempt to attempt. @default 250 */
  readonly minMs?: number | undefined;
  /** The longest wait, milliseconds. @default 30000 */
  readonly maxMs?: number | undefined;
}

export interface QueueLimits {
  /** Messages of `send` that are not settled. @default 256 */
  readonly maxMessages?: number | undefined;
  /** Their bytes. @default 1048576 */
  readonly maxBytes?: number | undefined;
}

export interface ClientOptions {
  /** The application's own subprotocols, offered behind those of this library. @default [] */
  readonly protocols?: readonly string[] | undefined;
  /** The WebSocket class, where the platform has none (Node.js 20: that of ws). @default globalThis.WebSocket */
  readonly WebSocket?: WebSocketClass | undefined;
  /** Where the token is. None with cookies. */
  readonly token?: TokenStorage | undefined;
  /**
   * Where the position and unsettled messages survive a reload of the page: `sessionStorage`, and nothing that two pages
   * share at a time. What throws, is full, or holds what another version wrote is passed over.
   */
  readonly storage?: KeyValueStorage | undefined;
  /** How long to wait between two attempts, with full jitter. */
  readonly backoff?: Backoff | undefined;
  /** What `send` keeps; over it `send` rejects with QUEUE_FULL. */
  readonly queue?: QueueLimits | undefined;
  /**
   * Whether messages that were never sent go to the new session where the old one is gone. It may be another user's. Those
   * that were sent reject with SESSION_LOST in any case. @default false
   */
  readonly carryOver?: boolean | undefined;
  /**
   * A server that was silent for so long is asked by a probe; without an answer within 5 s the connection counts as dead.
   * Milliseconds; 2.5 times the server's beat where that is longer. @default 45000
   */
  readonly silenceMs?: number | undefined;
  /** So many connections that end without progress while a message is the first in line reject it with UNKNOWN. @default 5 */
  readonly attempts?: number | undefined;
  /** The query parameter of a renewal code, as `cookieToken({ renewalParameter })` has it. @default "renewal" */
  readonly renewalParameter?: string | undefined;
}

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

export interface ClientEvents {
  /** A message of the server. One that is kept has its `offset`, and is `replayed` if it was sent before this connection. */
  readonly message: {
    readonly data: string | Uint8Array;
    readonly offset: number | undefined;
    readonly replayed: boolean;
  };
  readonly status: StatusEvent;
  /** The session of a new connection; `resumed`: it was there before. */
  readonly session: { readonly id: string; readonly resumed: boolean };
  /**
   * Kept messages `from` to `to` will not come. `certain` false: the server lost messages, or could not compare: what came
   * before may not be what the server has, so fetch the state anew. Offsets may go back then.
   */
  readonly missed: { readonly from: number; readonly to: number; readonly certain: boolean };
  /** The server lost what it had acknowledged (a failover of its store): the messages that were the `from`th to the `to`th. */
  readonly rolledBack: { readonly from: number; readonly to: number };
  /** A message that an earlier page left in `storage` is settled; `error` where it was not applied, or may not be. */
  readonly leftover: { readonly data: string | Uint8Array; readonly error: unknown };
  /** The client is closed for good. Nothing comes after it. */
  readonly closed: { readonly code: number; readonly reason: string; readonly why: ClosedWhy };
}

export interface Client {
  readonly status: StatusEvent["status"];
  /** The session of the latest connection; `undefined` before the first, and where the server has none yet. */
  readonly session: ClientEvents["session"] | undefined;
  /**
   * Sends a numbered message. It waits while the client is away, survives drops, and is sent again under its number until the
   * server has settled it. Resolves when the server has handled it (exactly once where it has a `transaction` handler, at least
   * once otherwise). A rejection is a ClientError, or a TransactionRefused with the code and detail that the server's handler
   * threw; either has an `outcome`. A rejection that nobody handles is no `unhandledRejection`.
   */
  send(message: string | Uint8Array): Promise<void>;
  /**
   * Sends a message that is neither numbered nor kept. False when the client is not live: nothing was sent.
   *
   * @throws ClientError INVALID_ARGUMENT for what is neither text nor bytes
   */
  sendNow(message: string | Uint8Array): boolean;
  /** Connects anew, now: after a login over HTTP, say. The connection that is live goes once the new one is. */
  reconnect(): void;
  /**
   * Closes for good: what is unsettled rejects with CLOSED. Resolves when the socket is closed, 3 s later at the most.
   *
   * @param code 1000, or 3000 to 4999. @default 1000
   * @param reason at most 123 bytes
   */
  close(code?: number, reason?: string): Promise<void>;
  /** Calls `listener` at each event of this type. Returns what takes it off. What it throws is thrown in a task of its own. */
  // Spelled out: an error about a wrong name then lists the right ones.
  on<Type extends "message" | "status" | "session" | "missed" | "rolledBack" | "leftover" | "closed">(
    type: Type,
    listener: (event: ClientEvents[Type]) => unknown,
  ): () => void;
}
