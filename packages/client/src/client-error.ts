/** The kind of an error. The union may grow in a minor version, so use `switch` with a default. */
export type ClientErrorCode =
  /** A mistake of the programmer: a bad option or argument. */
  | "INVALID_ARGUMENT"
  /** The client is closed. */
  | "CLOSED"
  /** The unsettled messages have reached a limit of `queue`. */
  | "QUEUE_FULL"
  /** The session of the message is gone. */
  | "SESSION_LOST"
  /** The server has no record any more of whether it handled the message. */
  | "UNKNOWN"
  /** The server does not support v1.wsession, and so accepts no numbered messages. Use `sendNow`. */
  | "NOT_SUPPORTED"
  /** The server's handler failed. */
  | "HANDLER_FAILED"
  /** The message does not satisfy the server's schema. */
  | "INVALID_MESSAGE"
  /** The data that the handler wrote does not satisfy the schema. */
  | "INVALID_DATA"
  /** The message, or the data that the handler wrote, is longer than the server allows. */
  | "TOO_LARGE"
  /** The store can't represent the data that the handler wrote. */
  | "NOT_SERIALISABLE"
  /** The session's outbox is full. */
  | "OUTBOX_FULL";

/** `"not-applied"`: the message changed nothing, and never will. `"unknown"`: the server may have handled the message. */
export type Outcome = "not-applied" | "unknown";

/** Creates a ClientError. The constructor is private, because applications do not create such errors. */
export let clientError: <Code extends ClientErrorCode>(
  code: Code,
  message: string,
  outcome?: Outcome,
) => ClientError<Code>;

/** The error with which `send` rejects, and which `connect` throws. */
export class ClientError<Code extends ClientErrorCode = ClientErrorCode> extends Error {
  /** Always "ClientError", also where two copies of this package make `instanceof` fail. */
  override readonly name = "ClientError";
  /** What happened, for programs. */
  declare readonly code: Code;
  /** Whether the server may have handled the message. */
  declare readonly outcome: Outcome;

  static {
    clientError = (code, message, outcome = "not-applied") => new ClientError(code, message, outcome);
  }

  private constructor(code: Code, message: string, outcome: Outcome) {
    super(message);
    this.code = code;
    this.outcome = outcome;
  }
}

/** The error for a mistake of the programmer. `message` names the argument and the required value. */
export function invalid(message: string): ClientError {
  return clientError("INVALID_ARGUMENT", message);
}

/**
 * Whether `error` is a ClientError, with `code` if a code is given. Works across copies of this package.
 *
 * @throws ClientError INVALID_ARGUMENT for a `code` that is not a string.
 */
export function isClientError<Code extends ClientErrorCode = ClientErrorCode>(
  error: unknown,
  code?: Code,
): error is ClientError<Code> {
  if (code !== undefined && typeof code !== "string") throw invalid("code must be of type string");
  try {
    return (
      error instanceof Error &&
      error.name === "ClientError" &&
      "code" in error &&
      (code === undefined || error.code === code)
    );
  } catch {
    // A getter or a proxy of the application's error threw.
    return false;
  }
}
