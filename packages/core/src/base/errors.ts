/** The code of the error, for programs. The union may grow in a minor version, so give a `switch` over it a default. */
export type SessionErrorCode =
  /** A mistake of the programmer: a bad option, close code or argument. Thrown at once. */
  | "INVALID_ARGUMENT"
  /** The store or the runtime in use can't do this. */
  | "NOT_SUPPORTED"
  /** The connection has ended. */
  | "CONNECTION_CLOSED"
  /** `ready()` waited `timeoutMs` and the session was not set. */
  | "READY_TIMEOUT"
  /** `sessions.close()` was called: no server can be bound any more, and after `close()` has settled the store is not called. */
  | "SHUTTING_DOWN"
  /** The session was destroyed, has expired, or never existed. */
  | "SESSION_GONE"
  /**
   * A newer connection replaced this connection (`exclusive`), so the handle of this connection can't write any more. Or newer
   * logins of the subject ended the session while it was being created or identified (`maxSessionsPerSubject`).
   */
  | "FENCED"
  /** The subject's sessions were destroyed while this session was being created or identified. */
  | "REVOKED"
  /** The store did not answer in time, or could not be reached. See `outcome`. */
  | "STORE_UNAVAILABLE"
  /** The store has as many sessions as it may have, and each has a live connection. */
  | "STORE_FULL"
  /** The subject has as many sessions as `maxSessionsPerSubject` allows, and `over` is `"refuse"`. Nothing was changed. */
  | "TOO_MANY_SESSIONS"
  /** A call on the connection's session while the handler `transaction` runs: stage the change with the transaction instead. */
  | "IN_TRANSACTION"
  /** A transaction was used after its handler had settled, or the handler did not settle within `handlerTimeoutMs`. */
  | "TRANSACTION_OVER"
  /**
   * `update` lost against other writers more often than it retries; another call has replaced the token that `open` was given; or
   * there is a session with the new id already. Nothing was changed.
   */
  | "CONFLICT"
  /** The value can't be stored faithfully; nothing was changed. */
  | "NOT_SERIALISABLE"
  /** The outbox is full (`whenFull: "refuse"`), or too many messages wait for the store. Nothing was kept. */
  | "OUTBOX_FULL"
  /** The session, or the message, would exceed a limit in bytes; nothing was changed. */
  | "TOO_LARGE"
  /** The stored session can't be read. It stays unchanged. */
  | "CORRUPT_RECORD"
  /** The data does not satisfy `schema`, or `migrate` failed; nothing was changed. */
  | "INVALID_DATA";

/**
 * The certainty about a failed write. `"not-applied"`: the write was refused, or never passed to the store's client, and
 * will not happen. `"unknown"`: the write may have been applied, at most once, and not after its deadline.
 */
export type Outcome = "not-applied" | "unknown";

/** The options of the constructor of SessionError. */
export interface SessionErrorOptions {
  /** The error below, such as that of the store's client. */
  readonly cause?: unknown;
  /** The certainty about a failed write. Absent: the error is not about a write. */
  readonly outcome?: Outcome | undefined;
}

/** The error class of wsession. `message` never has a token, a verifier or session data in it. */
export class SessionError extends Error {
  /** Always "SessionError", also where two copies of this package make `instanceof` fail. */
  override readonly name = "SessionError";
  /** What happened, for programs. */
  readonly code: SessionErrorCode;
  /** Set on failures of a store's write; `undefined` elsewhere. */
  readonly outcome: Outcome | undefined;

  constructor(code: SessionErrorCode, message: string, options: SessionErrorOptions = {}) {
    super(message, "cause" in options ? { cause: options.cause } : undefined);
    this.code = code;
    this.outcome = options.outcome;
  }
}

/**
 * Whether `error` is a SessionError, and has `code` if a code is given. Unlike `instanceof`, it also recognises errors of another
 * copy of this package.
 *
 * @throws INVALID_ARGUMENT for a `code` that is not a string.
 * @example
 * try {
 *   await session.update(spend);
 * } catch (error) {
 *   if (!isSessionError(error, "CONFLICT")) throw error;
 * }
 */
export function isSessionError(error: unknown, code?: SessionErrorCode): error is SessionError {
  if (code !== undefined && typeof code !== "string")
    throw invalidArgument("isSessionError() takes a code of type string");
  try {
    return (
      error instanceof Error &&
      error.name === "SessionError" &&
      "code" in error &&
      (code === undefined || error.code === code)
    );
  } catch {
    // A getter or a proxy of the application's error threw. A second error here would leave the first without a report.
    return false;
  }
}

/** The error for a mistake of the programmer. `message` names the argument or the option, and the required value. */
export function invalidArgument(message: string, options?: SessionErrorOptions): SessionError {
  return new SessionError("INVALID_ARGUMENT", message, options);
}

/** Whether `error` means that the stored session can't be read. A second attempt would fail in the same way. */
export function isUnreadable(error: unknown): boolean {
  return isSessionError(error, "CORRUPT_RECORD") || isSessionError(error, "INVALID_DATA");
}

/**
 * Throws INVALID_ARGUMENT if `given` has a property whose name is not among `known`, because otherwise a misspelt option would
 * be ignored, and its limit or check would be missing. `where`: the function that takes the options.
 */
export function assertNames(
  where: string,
  given: object,
  known: readonly string[],
  kind: "option" | "handler" = "option",
): void {
  const unknown = Object.keys(given).find((name) => !known.includes(name));
  if (unknown === undefined) return;
  throw invalidArgument(
    `${where}: there is no ${kind} ${JSON.stringify(unknown)}; the ${kind}s are ${known.join(", ")}`,
  );
}

/** How many errors are checked along `cause`: the application may have wrapped an error in one of its own. */
const MAX_CAUSES = 5;
const ENDED: ReadonlySet<SessionErrorCode> = new Set([
  "CONNECTION_CLOSED",
  "SESSION_GONE",
  "FENCED",
  "SHUTTING_DOWN",
]);

/** Whether `error`, or its cause, only means that a connection, its session or these sessions have ended. */
export function isAboutTheEnd(error: unknown): boolean {
  try {
    let current = error;
    for (let depth = 0; depth < MAX_CAUSES && current instanceof Error; depth += 1) {
      if (isSessionError(current) && ENDED.has(current.code)) return true;
      current = current.cause;
    }
  } catch {
    // A getter or a proxy of the error threw, as in `isSessionError`.
  }
  return false;
}

/** Whether the operating system reported `error`. For a socket that means the peer or the network caused the error. */
export function isSystemError(error: unknown): boolean {
  try {
    return error instanceof Error && "syscall" in error && "errno" in error;
  } catch {
    // A proxy threw, as in `isSessionError`.
    return false;
  }
}

export function goneError(): SessionError {
  return new SessionError("SESSION_GONE", "the session was destroyed or has expired", {
    outcome: "not-applied",
  });
}

export function revokedError(): SessionError {
  return new SessionError(
    "REVOKED",
    "destroySubject destroyed the subject's sessions after this login began",
    { outcome: "not-applied" },
  );
}

export function fencedError(): SessionError {
  return new SessionError("FENCED", "a newer connection took the session over", { outcome: "not-applied" });
}

export function tooManySessionsError(): SessionError {
  return new SessionError("TOO_MANY_SESSIONS", "the subject has as many sessions as it may", {
    outcome: "not-applied",
  });
}

export function inTransactionError(): SessionError {
  return new SessionError(
    "IN_TRANSACTION",
    "the handler transaction runs: stage the change with the transaction, or make the call in its after()",
    { outcome: "not-applied" },
  );
}

/** Converts an error of a store to a typed error. An untyped error does not show whether the write was applied (I11). */
export function asStoreError(error: unknown): SessionError {
  if (isSessionError(error)) return error;
  return new SessionError("STORE_UNAVAILABLE", "the store failed", { cause: error, outcome: "unknown" });
}

/** For `create` and `open` with a store that keeps sessions on connections. */
export function withoutConnectionError(verb: string): SessionError {
  return new SessionError(
    "NOT_SUPPORTED",
    `this store keeps sessions on connections, so it can't ${verb} a session without a connection`,
  );
}

export function tokenReplacedError(): SessionError {
  return new SessionError("CONFLICT", "another call replaced the token that opened this session", {
    outcome: "not-applied",
  });
}

export function connectionClosedError(): SessionError {
  return new SessionError("CONNECTION_CLOSED", "the connection has ended");
}

export function shutDownError(): SessionError {
  return new SessionError("SHUTTING_DOWN", "sessions.close() was called", { outcome: "not-applied" });
}
