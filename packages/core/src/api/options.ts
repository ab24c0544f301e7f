/** The options of `createSessions`, except those whose types have a parameter: see typed-options.ts. */
import type { OutboxLimits } from "./outbox-limits.ts";
import type { ErrorContext } from "./error-context.ts";
import type { OriginRule } from "../handshake/handshake.ts";
import type { SessionStore } from "../store/contract.ts";
import type { SessionEvent } from "../store/presence-contract.ts";
import type { TokenCarrier } from "../handshake/carriers.ts";
import type { SubjectLimitOption } from "./subject-limit-option.ts";

/** The options of `createSessions` whose types have no parameter. typed-options.ts has the others. */
export interface CommonOptions {
  /**
   * Where sessions live: `inConnectionStore()`, `mapStore()`, or a store that several processes share.
   *
   * @default inConnectionStore()
   */
  readonly store?: SessionStore | undefined;
  /**
   * How long messages wait before they reach the `message` handler. `"session"`: messages wait until `open` has settled and the
   * session is set. `"open"`: messages wait until `open` has settled.
   *
   * @default "session"
   */
  readonly gate?: "session" | "open" | undefined;
  /**
   * Milliseconds from the last message or touch after which the session expires. `Infinity`: never.
   *
   * @default 1_800_000, with `inConnectionStore()` Infinity
   */
  readonly idleMs?: number | undefined;
  /**
   * When the idle time begins. `"message"`: with the last message or touch. `"disconnect"`: when the last connection of the
   * session ends, on any process; a connected session does not expire by idleness, so a dashboard that only listens stays. Each
   * process touches its connected sessions every tenth of their idle time. If a process is killed, the idle time of its sessions
   * counts from the last touch, at most a fifth of the idle time earlier.
   *
   * @default "message"
   */
  readonly idleFrom?: "message" | "disconnect" | undefined;
  /**
   * Milliseconds from creation after which the session expires. `Infinity`: never.
   *
   * @default 86_400_000, with `inConnectionStore()` Infinity
   */
  readonly absoluteMs?: number | undefined;
  /**
   * How long before the absolute deadline and before the idle deadline the handler `expiring` is called, milliseconds. For an idle
   * time that is not above `expiringMs` the handler is called after half of the idle time.
   *
   * @default 60_000
   */
  readonly expiringMs?: number | undefined;
  /**
   * Limits the waiting messages of a client without a session, and the time until the session is set (I14). Over a limit of
   * messages or bytes the connection closes with 4413, and over the time limit with 4408. `early` applies to messages that wait
   * before the session is set. If `initial` gave a session to a new client without a subject, `early` applies until `open` has
   * settled.
   */
  readonly early?: EarlyLimits | undefined;
  /**
   * Limits the waiting messages once the session is set, also while `open` runs. Over the limit the connection closes with
   * 1013. A single message of any size may always wait. Until `open` has settled, `early` applies to a new client without a
   * subject instead.
   */
  readonly inbox?: InboxLimits | undefined;
  /**
   * How many messages of one connection may be handled at the same time. The handlers begin in the order of the messages, so that
   * a "cancel" can overtake the message that it cancels; they may settle in any order. A number above 1 gives up the rule that
   * the next message waits until the handler has settled (I2). A transaction always runs alone: it begins when the handlers of all
   * earlier messages have settled, and later messages wait for it. Numbered messages of a client of `v1.wsession` are acknowledged
   * in order: an ack waits for the handlers of all earlier numbers.
   *
   * @default 1
   */
  readonly maxConcurrentMessages?: number | undefined;
  /**
   * The most bytes that may wait to be sent on one connection. Over the limit `send` returns `"dropped"`. A single message of
   * any size may always wait.
   *
   * @default 16_777_216
   */
  readonly maxBufferedBytes?: number | undefined;
  /**
   * How many handshakes may wait for their answer at the same time. Further handshakes are answered with 503.
   *
   * @default 10_000
   */
  readonly maxPendingHandshakes?: number | undefined;
  /**
   * Milliseconds that `admit`, the store and `initial` have together for one handshake. After that the answer is 503. The same
   * limit applies to the read of each page of kept messages for a client of `v1.wsession`. If a read takes longer, the connection
   * closes with 4503, and the client keeps its position. 0: no limit.
   *
   * @default 10_000
   */
  readonly handshakeTimeoutMs?: number | undefined;
  /**
   * How many connections one session may have in this process. Over the bound the oldest connection closes with 4409.
   * `Infinity`: no limit.
   *
   * @default 1_000
   */
  readonly maxConnectionsPerSession?: number | undefined;
  /**
   * Milliseconds between two pings. If the peer shows no sign of life between two pings, its connection is ended. Each byte from
   * the peer is a sign of life, and so is each byte that the peer reads of the data that waits to be sent. 0: no pings.
   *
   * @default 30_000
   */
  readonly heartbeatMs?: number | undefined;
  /**
   * How long a peer may be silent before its connection is ended, milliseconds; at least `heartbeatMs`. The connection is ended at
   * the first heartbeat after `heartbeatTimeoutMs / heartbeatMs` silent heartbeats in a row, rounded up. So it ends within
   * `heartbeatTimeoutMs` + 2 × `heartbeatMs` (on uWebSockets.js with `heartbeatMs` from 8,000 on: + 3 × `heartbeatMs` + 8 s). The
   * runtime of uWebSockets.js ends a silent peer after 16 minutes in any case.
   *
   * @default the connection is ended at the first heartbeat without a sign of life since the heartbeat before
   * @throws INVALID_ARGUMENT from `createSessions` with `heartbeatMs: 0`. NOT_SUPPORTED from `bindSessions` if the adapter can't
   * count silent heartbeats.
   */
  readonly heartbeatTimeoutMs?: number | undefined;
  /**
   * How long a handler may still run once its connection has ended, milliseconds. After that `close` is called without waiting
   * for the handler. Also the time that the handler `transaction` has for one run.
   *
   * @default 30_000
   */
  readonly handlerTimeoutMs?: number | undefined;
  /**
   * Whether a session (`true` or `"session"`), or a user (`"subject"`), has one connection at a time. A newer connection takes
   * over: the older connections close with 4409, and their handles can't write any more. With `"subject"` the user's other sessions
   * are not destroyed. A client that comes back to one of these sessions takes over from the present connection. `identify` takes
   * the subject over at once. A connection without a subject behaves as with `"session"`.
   *
   * @default false
   * @throws NOT_SUPPORTED from `createSessions` for `"subject"` with a store that has no `takeOverSubject`.
   */
  readonly exclusive?: boolean | "session" | "subject" | undefined;
  /**
   * How many sessions a subject may have. A number: each login over the limit ends the sessions whose logins were first, and
   * their connections close with 4409. With `over: "refuse"` the new login is refused instead: with 403, for a client of
   * `v1.wsession` with the close code 4403, and `identify` rejects with TOO_MANY_SESSIONS. The limit applies once the login's
   * promise has resolved or the handshake is answered, also for simultaneous logins on several processes. Set the option in all
   * processes.
   *
   * @default any number
   * @throws NOT_SUPPORTED from `createSessions` if the store can't limit subjects.
   * @example
   * maxSessionsPerSubject: { max: 5, over: "refuse" }
   */
  readonly maxSessionsPerSubject?: number | SubjectLimitOption | undefined;
  /**
   * Milliseconds without a connection after which a session has left, and its subject is no longer `"away"` but `"offline"`. A
   * client that comes back in time causes no event. A clean close by the peer (1000, 1001, or no code), and the client's `close()`,
   * leave at once. With the option, presence is recorded from the start, so set it in all processes if one of them calls `watch` or
   * `presenceOfSubject`. Without this option and without `events`, the recording starts with the first call of `watch`.
   *
   * @default 10_000
   */
  readonly leaveAfterMs?: number | undefined;
  /**
   * Functions that are called when a session leaves, expires or is destroyed: once over all processes, also if the process that
   * held the session was killed. An event is delivered again, with the same `id`, only if the process that handled it ended or was
   * stopped meanwhile. An error of a function reaches `onError`, and the event is not repeated. A session that ends causes `expired` or
   * `destroyed`, and no `left` after that. Set the option in all processes that create sessions or have connections.
   *
   * @default no events
   * @throws NOT_SUPPORTED from `createSessions` if the store has no events.
   * @example
   * events: { left: ({ subject }) => rooms.remove(subject) }
   */
  readonly events?: SessionEvents | undefined;
  /**
   * The origins that may connect, as browsers send them (`https://example.com`, no slash at the end). They are compared
   * exactly; other origins, and requests without one, are answered with 403. Pages of apps and extensions have origins of other
   * schemes: `file://`, `capacitor://localhost`, `chrome-extension://<id>`. A function is called with `undefined` if the
   * request has no Origin, and admits only by `true`. The function must be synchronous. A throw answers 500 and reaches
   * `onError`.
   *
   * WARNING: if a cookie carries the token and this option is absent, any website can open a socket with the cookie of its
   * visitor (cross-site WebSocket hijacking).
   *
   * @default every origin may connect
   * @throws INVALID_ARGUMENT from `createSessions` for an entry that is not an origin.
   */
  readonly origins?: OriginRule | undefined;
  /**
   * How a client presents its token: `cookieToken()`, `queryToken()`, `protocolToken()`, or a carrier of your own.
   *
   * @default undefined: no client can resume a session
   */
  readonly token?: TokenCarrier | undefined;
  /**
   * The answer to a token that resumes no session. `"fresh"`: a new session, as for a client without a token. `"refuse"`: 401.
   * `"close"`: 101, and then the close code 4401, because a page can't read the status of a refused WebSocket. The client gets no
   * session, and no handler is called.
   *
   * @default the value of onNoToken, which is "fresh" by default
   */
  readonly onBadToken?: "fresh" | "refuse" | "close" | undefined;
  /**
   * The answer to a client whose stored session can't be read. `"refuse"`: 503. `"fresh"`: a new session.
   *
   * @default "refuse"
   */
  readonly onCorruptRecord?: "fresh" | "refuse" | undefined;
  /**
   * Milliseconds for which a token that `rotate` replaced stays valid, and for which a renewal code is valid.
   *
   * @default 30_000
   */
  readonly graceMs?: number | undefined;
  /**
   * Whether a replaced token that is presented after its grace period, a sign of theft, destroys its session.
   *
   * @default false
   */
  readonly destroyOnTheft?: boolean | undefined;
  /** The limits of the messages that `session.send` keeps for each session. */
  readonly outbox?: OutboxLimits | undefined;
  /**
   * The version of the application's data, an integer from 0 with 15 digits at most. Stored with every write.
   *
   * @default 0
   */
  readonly schemaVersion?: number | undefined;
  /**
   * Migrates data that was stored under another `schemaVersion`, on load and before `schema`. Must be synchronous; a throw
   * rejects the load with INVALID_DATA.
   */
  readonly migrate?: ((data: unknown, fromVersion: number) => unknown) | undefined;
  /**
   * Called with errors that no caller waits for, such as an error that a handler throws. An error of this function itself is
   * ignored. Failures of the store (STORE_UNAVAILABLE, STORE_FULL) with one cause are reported once at first and then counted:
   * one report a minute, and one when the store answers again, each with `failures`.
   *
   * @default a warning of the process (`process.emitWarning`, of the type `WsessionWarning`), 20 a minute for each stage, and
   * none for the stage `"client"`
   */
  readonly onError?: ((error: unknown, context: ErrorContext) => void) | undefined;
}

/** The functions of the option `events`. Each may return a promise: the event counts as handled once it has settled. */
export interface SessionEvents {
  /** The session's last connection has been gone for `leaveAfterMs`, or ended by a clean close. */
  readonly left?: ((event: SessionEvent) => unknown) | undefined;
  /** A deadline of the session has passed. With `mapStore` also: the session was evicted. */
  readonly expired?: ((event: SessionEvent) => unknown) | undefined;
  /** The session was destroyed, by the application or by the library. */
  readonly destroyed?: ((event: SessionEvent) => unknown) | undefined;
}

/** Limits for clients without a session. */
export interface EarlyLimits {
  /**
   * How many messages may wait.
   *
   * @default 1_024
   */
  readonly maxMessages?: number | undefined;
  /**
   * How many bytes may wait; text counts as UTF-8.
   *
   * @default 262_144
   */
  readonly maxBytes?: number | undefined;
  /**
   * Milliseconds until the session must be set. `open` may take longer than that. 0 or `Infinity`: no limit.
   *
   * @default 10_000
   */
  readonly timeoutMs?: number | undefined;
}

/** Limits for clients with a session. */
export interface InboxLimits {
  /**
   * How many messages may wait. A runtime that can pause a socket does so at half of this number. The messages that were read
   * before the pause (64 KiB on ws, at most some 11,000 messages) fit into the other half of the default.
   *
   * @default 32_768
   */
  readonly maxMessages?: number | undefined;
  /**
   * How many bytes may wait; text counts as UTF-8.
   *
   * @default 4_194_304
   */
  readonly maxBytes?: number | undefined;
}
