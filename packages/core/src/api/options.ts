import type { Connection } from "./contract.ts";
import type { Awaitable, StandardSchemaV1 } from "@wsession/protocol";
import type { Admission, Handshake, OriginRule } from "../handshake/handshake.ts";
import type { SessionStore } from "../store/contract.ts";
import type { TokenCarrier } from "../handshake/carriers.ts";

/**
 * Where an error that no caller waits for came from. `"unhandled"`: a promise of this library's that rejected, and that the
 * application neither awaited nor caught. `"adapter"`: a mistake of the application that its adapter noticed. `"client"`: what
 * a client or its network did, such as a protocol error, or the first message of a connection that was refused as invalid; counted
 * as `clientErrors`, and told to `onError` alone.
 */
export type Stage =
  | "admit"
  | "initial"
  | "transport"
  | "open"
  | "message"
  | "change"
  | "expiring"
  | "drain"
  | "close"
  | "store"
  | "theft"
  | "unhandled"
  | "adapter"
  | "client";

export interface ErrorContext {
  readonly stage: Stage;
  readonly connection?: Connection | undefined;
  /** The session's id, where it is about a session without a connection. */
  readonly sessionId?: string | undefined;
  /**
   * Set where a report stands for failures of the store that were not told by themselves: how many. The error's message
   * names their causes; its `cause` is the last failure of the most frequent one.
   */
  readonly failures?: number | undefined;
}

export interface SessionsOptions<Data extends object, Transport = unknown> {
  /** Default `inConnectionStore()`. */
  readonly store?: SessionStore | undefined;
  /**
   * Called for every handshake whose Origin is allowed, before anything else and before it is answered. Default: accept.
   * A throw answers 500 and reaches `onError`.
   */
  readonly admit?: ((handshake: Handshake) => Awaitable<Admission>) | undefined;
  /**
   * A newcomer's data, made before the handshake is answered: with it every handler has `connection.session`. Not
   * called for a client that resumes. A throw answers 500 and reaches `onError`.
   */
  readonly initial?: ((handshake: Handshake) => Awaitable<Data>) | undefined;
  /**
   * Makes the transport record's data; `found` is what HTTP code put on the TCP socket before. Synchronous. Default:
   * `found`. A throw answers 500 and reaches `onError`.
   */
  readonly transport?: ((handshake: Handshake, found: unknown) => Transport) | undefined;
  /** What holds messages back. `"session"` (default): until `open` settled and the session is set. `"open"`: until `open` settled. */
  readonly gate?: "session" | "open" | undefined;
  /** Milliseconds from the last message or touch; default 30 minutes, with `inConnectionStore` none. `Infinity`: none. */
  readonly idleMs?: number | undefined;
  /** Milliseconds from creation; default 24 hours, with `inConnectionStore` none. `Infinity`: none. */
  readonly absoluteMs?: number | undefined;
  /** How long before the absolute deadline `expiring` is called, milliseconds; default 60,000. */
  readonly expiringMs?: number | undefined;
  /**
   * What a stranger may have waiting, and until when the session has to be set (I14). Over it: 4413, or 4408. It bounds what
   * waits before the session is set, and, where `initial` gave it to a newcomer without a subject, before `open` has settled.
   */
  readonly early?: EarlyLimits | undefined;
  /**
   * What may wait once the session is set, while `open` is awaited too. Over it: 1013. A single message always may. `early`
   * bounds a newcomer whom nobody knows until `open` has settled.
   */
  readonly inbox?: InboxLimits | undefined;
  /** Bytes that may wait to be sent on one connection; over it `send` answers "dropped". A single message always may. Default 16 MiB. */
  readonly maxBufferedBytes?: number | undefined;
  /** Handshakes that may be waiting for their answer at once; over it 503. Default 10,000. */
  readonly maxPendingHandshakes?: number | undefined;
  /** Milliseconds in which a handshake must be decided (`admit`, the store, `initial`); over it 503. Default 10,000; 0: no limit. */
  readonly handshakeTimeoutMs?: number | undefined;
  /** Connections that one session may have in this process; over it 4409 for the oldest. Default 1,000; `Infinity`: none. */
  readonly maxConnectionsPerSession?: number | undefined;
  /**
   * Milliseconds between pings; a peer that has shown no sign of life by the next one is ended: nothing came, and nothing was
   * taken of what waits for it. Default 30,000; 0: none.
   */
  readonly heartbeatMs?: number | undefined;
  /** How long a handler may still run once its connection has ended, milliseconds. Default 30,000. */
  readonly handlerTimeoutMs?: number | undefined;
  /** One connection at a time per session: the new one wins, the old one is closed with 4409. Default false. */
  readonly exclusive?: boolean | undefined;
  /**
   * Origins that may connect, as browsers send them (`https://example.com`, no slash at the end), compared exactly; others,
   * and requests without one, get 403. Pages of apps and extensions have origins of other schemes: `file://`,
   * `capacitor://localhost`, `chrome-extension://<id>`. Or a function, which is asked with `undefined` where there is none, and lets in by `true` alone.
   * Synchronous; a throw answers 500 and reaches `onError`. Default: every origin.
   * WARNING: where a cookie carries the token, leaving it off lets any website open a socket with the cookie of whoever
   * visits it (cross-site WebSocket hijacking). What is no origin throws INVALID_ARGUMENT.
   */
  readonly origins?: OriginRule | undefined;
  /** How a client presents its token. Default: none, so that no client comes back to a session. */
  readonly token?: TokenCarrier | undefined;
  /** What a token that opens no session gets. `"fresh"` (default): a new session, as if it had none. `"refuse"`: 401. */
  readonly onBadToken?: "fresh" | "refuse" | undefined;
  /** What a stored session that can't be read gets on resume. `"refuse"` (default): 503. `"fresh"`: a new session. */
  readonly onCorruptRecord?: "fresh" | "refuse" | undefined;
  /** How long the verifier that `rotate` replaced stays good, and a renewal code too, milliseconds. Default 30,000. */
  readonly graceMs?: number | undefined;
  /** Whether a stolen token (the previous verifier after its grace) destroys the session. Default false. */
  readonly destroyOnTheft?: boolean | undefined;
  /** Checks data on every set and on every load; synchronous. What fails rejects with INVALID_DATA. */
  readonly schema?: StandardSchemaV1<unknown, Data> | undefined;
  /** The version of the application's data, an integer from 0, of 15 digits at most; default 0. Stored with every write. */
  readonly schemaVersion?: number | undefined;
  /** Brings data that an older version of the application stored up to date, on load; before `schema`. Synchronous. */
  readonly migrate?: ((data: unknown, fromVersion: number) => unknown) | undefined;
  /**
   * Told of errors that no caller waits for, what a handler throws above all. What it throws itself, or rejects with, is ignored.
   * Failures of the store (STORE_UNAVAILABLE, STORE_FULL) of one cause are told once at first, then counted: one report a minute,
   * and one when the store answers again, each with `failures`. Default:
   * a warning of the process (`process.emitWarning`, of type `WsessionWarning`), 20 a minute of each stage, and none of the stage
   * `client`.
   */
  readonly onError?: ((error: unknown, context: ErrorContext) => void) | undefined;
}

export interface EarlyLimits {
  /** Default 1,024. */
  readonly maxMessages?: number | undefined;
  /** Bytes, of UTF-8 for text; default 262,144. */
  readonly maxBytes?: number | undefined;
  /** Milliseconds until the session must be set, however long `open` takes then; default 10,000. 0 or `Infinity`: no limit. */
  readonly timeoutMs?: number | undefined;
}

export interface InboxLimits {
  /**
   * Default 32,768: where a runtime can pause a socket it does at half of that, and what was read by then (64 KiB on ws,
   * some 11,000 of the smallest messages) still fits.
   */
  readonly maxMessages?: number | undefined;
  /** Bytes, of UTF-8 for text; default 4 MiB. */
  readonly maxBytes?: number | undefined;
}

type Optional = "admit" | "initial" | "transport" | "origins" | "token" | "schema" | "migrate" | "onError";

/** The options with their defaults. */
export type Settings<Data extends object, Transport> = {
  readonly [
    Key in Exclude<keyof SessionsOptions<Data, Transport>, Optional | "early" | "inbox">
  ]-?: NonNullable<SessionsOptions<Data, Transport>[Key]>;
} & Pick<SessionsOptions<Data, Transport>, Optional> & {
    readonly early: Limits & { readonly timeoutMs: number };
    readonly inbox: Limits;
  };

export interface Limits {
  readonly maxMessages: number;
  readonly maxBytes: number;
}
