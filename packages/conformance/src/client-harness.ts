/** The interface of a client under test: the parts of `@wsession/client` that the cases use. */

/** The events of a client under test, as `ClientEvents` of `@wsession/client` has them. */
export interface TestedEvents {
  /** A message of the server. `offset`: of a kept message. `replayed`: the message was kept before this connection. */
  readonly message: {
    readonly data: string | Uint8Array;
    readonly offset: number | undefined;
    readonly replayed: boolean;
  };
  /** The status has changed. `retryInMs`: milliseconds until the next attempt, with "waiting" only. */
  readonly status: { readonly status: string; readonly retryInMs?: number | undefined };
  /** The session of a new connection. `resumed`: the session existed before. */
  readonly session: { readonly id: string; readonly resumed: boolean };
  /** The client never gets the kept messages `from` to `to`, both included. */
  readonly missed: { readonly from: number; readonly to: number; readonly certain: boolean };
  /** The server has lost the `from`th to the `to`th acknowledged message of this client. */
  readonly rolledBack: { readonly from: number; readonly to: number };
  /** A message that an earlier page left in the storage is settled. `error`: `undefined` if it was applied. */
  readonly leftover: { readonly data: string | Uint8Array; readonly error: unknown };
  /** The client has closed for good. The last event. */
  readonly closed: { readonly code: number; readonly reason: string; readonly why: string };
}

/** A client under test, with the members of `Client` of `@wsession/client` that cases use. */
export interface TestedClient {
  /** "connecting", "live", "waiting" or "closed". */
  readonly status: string;
  /** The session of the latest connection; `undefined` before the first one. */
  readonly session: { readonly id: string; readonly resumed: boolean } | undefined;
  /** Rejects with an error that has `code` and `outcome`, and the `detail` of a refusal. */
  send(message: string | Uint8Array): Promise<void>;
  /** Sends a message that is neither numbered nor kept. False, and nothing is sent, unless the client is live. */
  sendNow(message: string | Uint8Array): boolean;
  /** Opens a new connection at once, in place of the present one. */
  reconnect(): void;
  /** Closes for good. Resolves once the socket is closed. */
  close(code?: number, reason?: string): Promise<void>;
  /** Adds a listener. The returned function removes it. */
  on<Type extends "message" | "status" | "session" | "missed" | "rolledBack" | "leftover" | "closed">(
    type: Type,
    listener: (event: TestedEvents[Type]) => unknown,
  ): () => void;
}

/** The storage of a page, as `sessionStorage`. */
export interface TestedStorage {
  /** The value of a key; `null` if it has none. */
  getItem(key: string): string | null;
  /** Stores a value, in place of an earlier one. */
  setItem(key: string, value: string): void;
  /** Deletes a key. */
  removeItem(key: string): void;
}

/** The options that cases set. The client backs off for at most 20 ms, so that cases are fast. */
export interface TestedOptions {
  /** The limits of the delay between two attempts, milliseconds. */
  readonly backoff: { readonly minMs: number; readonly maxMs: number };
  /** Where the client keeps its position and its unsettled messages. Absent: in memory. */
  readonly storage?: TestedStorage;
  /** Where the client keeps the session's token. Absent: a cookie has the token. */
  readonly token?: { read(): string | undefined; write(token: string | undefined): void };
  /** Whether messages that were never sent go to a new session. @default false */
  readonly carryOver?: boolean;
  /** Milliseconds of silence after which the client probes the server. */
  readonly silenceMs?: number;
  /** The limits of the unsettled messages. */
  readonly queue?: { readonly maxMessages?: number; readonly maxBytes?: number };
}

/** The description of a client under test. */
export interface ClientHarness {
  /** Creates a client, which connects to `url` at once. */
  readonly connect: (url: string, options: TestedOptions) => TestedClient;
}
