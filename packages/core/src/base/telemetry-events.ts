/**
 * The payloads of the telemetry channels. Payloads have ids, names, sizes, durations and outcomes. No payload has a token, a
 * cookie, a subject, a message or the data of a session.
 */

/** The members that an operation has once it has ended. On the channels `tracing:…`, they are `undefined` before that. */
interface Ended<Outcome extends string> {
  /** How long the operation took, milliseconds with fractions. */
  readonly durationMs: number;
  /** How the operation ended. */
  readonly outcome: Outcome;
  /**
   * The code of a SessionError, or the name of another error's class; `undefined` if the operation did not reject. A transaction
   * whose handler throws does not reject. Never the error itself.
   */
  readonly errorType: string | undefined;
}

/** A handshake, from its arrival at core to the answer. */
export interface HandshakeTelemetry extends Ended<"accepted" | "refused"> {
  /** The runtime's name, as `connection.runtime`. */
  readonly runtime: string;
  /** The request's headers `traceparent` and `tracestate` (W3C Trace Context), `undefined` if the request has none. */
  readonly traceparent: string | undefined;
  /** The header `tracestate`, as `traceparent`. */
  readonly tracestate: string | undefined;
  /** The HTTP status: 101 for an accepted handshake, and the status of a refusal, also where a close code carries the refusal. */
  readonly status: number | undefined;
  /** Why the handshake was refused; `undefined` if it was accepted. */
  readonly refusal: HandshakeRefusal | undefined;
}

/**
 * Why a handshake was refused. `"origin"`: the option `origins`. `"admit"`: `reject`. `"token"`: `onBadToken` or `onNoToken`. `"subject"`:
 * the subject's sessions were destroyed, or it has too many. `"store"`: the store failed, is full, or has a record that can't be read.
 * `"busy"`: `maxPendingHandshakes` or `handshakeTimeoutMs`. `"closing"`: the server closes. `"error"`: a function of the application
 * failed. The union may grow in a minor version.
 */
export type HandshakeRefusal =
  | "origin"
  | "admit"
  | "token"
  | "subject"
  | "store"
  | "busy"
  | "closing"
  | "error";

/** A connection was opened. */
export interface ConnectionOpenTelemetry {
  /** As `connection.id`. */
  readonly connectionId: string;
  /** As `session.id`; `undefined` if the session is set later. */
  readonly sessionId: string | undefined;
  /** As `connection.runtime`. */
  readonly runtime: string;
  /** Whether the client came back to its session. */
  readonly resumed: boolean;
}

/** As `CloseInfo`, with the connection. */
export interface ConnectionCloseTelemetry {
  /** As `connection.id`. */
  readonly connectionId: string;
  /** As `session.id`; `undefined` if no session was set. */
  readonly sessionId: string | undefined;
  /** As `connection.runtime`. */
  readonly runtime: string;
  /** As `CloseInfo.code`. */
  readonly code: number;
  /** The text of the close frame. A peer may write any text, so do not use the reason as a label of a metric. */
  readonly reason: string;
  /** As `CloseInfo.by`. */
  readonly by: "peer" | "server" | "heartbeat" | "network";
  /** How long the connection was open, milliseconds. */
  readonly durationMs: number;
}

/** A client resumed its session. */
export interface SessionResumeTelemetry {
  /** As `session.id`. */
  readonly sessionId: string;
  /** The client's proof: its token, the replaced token within its grace period, or a renewal code. `"none"`: `admit` named the session. */
  readonly by: "current" | "previous" | "renewal" | "none";
}

/** A session was destroyed. */
export interface SessionDestroyTelemetry {
  /** As `session.id`. */
  readonly sessionId: string;
  /**
   * `"call"`: a call of the application in this process. `"limit"`: a login of the subject above `maxSessionsPerSubject`.
   * `"theft"`: `destroyOnTheft`.
   */
  readonly cause: "call" | "limit" | "theft";
}

/** One run of the handler `message`. */
export interface MessageTelemetry extends Ended<"handled" | "refused" | "failed"> {
  /** As `connection.id`. */
  readonly connectionId: string;
  /** As `session.id`; `undefined` if no session is set (`gate: "open"`). */
  readonly sessionId: string | undefined;
  /** As `connection.runtime`. */
  readonly runtime: string;
  /** The length of the message, bytes (of UTF-8 for text), without framing. */
  readonly bytes: number;
}

/** A `set`, `patch` or `update`, from the call to its settled promise. */
export interface WriteTelemetry extends Ended<"written" | "failed"> {
  /** As `session.id`. */
  readonly sessionId: string;
  /** The method that the application called. */
  readonly kind: "set" | "patch" | "update";
}

/** One call of a method of the store. */
export interface StoreCallTelemetry extends Ended<"answered" | "failed"> {
  /** The name of the method, such as `"write"`. */
  readonly method: string;
  /** `undefined` for a method that does not concern one session. */
  readonly sessionId: string | undefined;
}

/** A change of the store's health: the first failure that no caller waits for, and the end of the outage. */
export interface StoreHealthTelemetry {
  /** False at the beginning of an outage, true at its end. */
  readonly ok: boolean;
  /** Why the store is not healthy; `undefined` where it is. */
  readonly code: string | undefined;
  /** How long the outage lasted, milliseconds; 0 at its beginning. */
  readonly outageMs: number;
}

/** One numbered message for the handler `transaction`: each run of the handler, and the commit. */
export interface TransactionTelemetry extends Ended<TransactionOutcome> {
  /** As `connection.id`. */
  readonly connectionId: string;
  /** As `session.id`; `undefined` if no session was set. */
  readonly sessionId: string | undefined;
  /** As `connection.runtime`. */
  readonly runtime: string;
  /** The length of the message, bytes (of UTF-8 for text), without framing. */
  readonly bytes: number;
}

/**
 * `"committed"`: the store has the changes. `"empty"`: nothing was staged. `"refused"`: the handler or the store refused the message.
 * `"repeated"`: the message was settled before. `"lost"`: the store has lost the client's numbers, and the client sends again.
 * `"failed"`: the handler failed, or the outcome is unknown.
 */
export type TransactionOutcome = "committed" | "empty" | "refused" | "repeated" | "lost" | "failed";

/** A `send` to a session, from the call to the answer of the store. */
export interface OutboxSendTelemetry extends Ended<"kept" | "missing" | "failed"> {
  /** As `session.id`. */
  readonly sessionId: string;
  /** The length of the message, bytes (of UTF-8 for text), without framing. */
  readonly bytes: number;
}

/** The channels of `node:diagnostics_channel`, by name, with the payload of each. docs/telemetry.md explains all of them. */
export interface TelemetryEvents {
  /** Published for each handshake, accepted or refused. */
  readonly "wsession:handshake": HandshakeTelemetry;
  /** Published before the handler `open`. */
  readonly "wsession:connection:open": ConnectionOpenTelemetry;
  /** Published once for each opened connection. */
  readonly "wsession:connection:close": ConnectionCloseTelemetry;
  /** Published each time a client comes back to its session. */
  readonly "wsession:session:resume": SessionResumeTelemetry;
  /** Published in the process that asked for the destruction, and in no other. */
  readonly "wsession:session:destroy": SessionDestroyTelemetry;
  /** Published for each run of the handler `message`. */
  readonly "wsession:message": MessageTelemetry;
  /** Published for each `set`, `patch` and `update`. */
  readonly "wsession:write": WriteTelemetry;
  /** Published for each call of a method of the store. */
  readonly "wsession:store:call": StoreCallTelemetry;
  /** Published when an outage of the store begins, and when it ends. */
  readonly "wsession:store:health": StoreHealthTelemetry;
  /** Published for each numbered message if there is a handler `transaction`. */
  readonly "wsession:transaction": TransactionTelemetry;
  /** Published for each `send` to a session. */
  readonly "wsession:outbox:send": OutboxSendTelemetry;
}

/** The channels of operations, which have a duration. Each has the channels of a TracingChannel too. */
export type OperationName = {
  [Name in keyof TelemetryEvents]: TelemetryEvents[Name] extends Ended<string> ? Name : never;
}[keyof TelemetryEvents];

/** The part of an operation's payload that is known when the operation begins. */
export type Begun<Name extends OperationName> = Omit<
  TelemetryEvents[Name],
  keyof Ended<string> | "status" | "refusal"
>;

/** The fields of both a message and a transaction. */
export type MessageBegun = Begun<"wsession:message">;
