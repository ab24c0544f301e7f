/** What went wrong, for code. The union may grow in a minor version; `switch` with a default. */
export type ClientErrorCode =
  /** A mistake of the programmer: a bad option or argument. */
  | "INVALID_ARGUMENT"
  /** The client has closed. */
  | "CLOSED"
  /** As many messages, or bytes, are unsettled as `queue` allows. */
  | "QUEUE_FULL"
  /** The session that the message was meant for is gone. */
  | "SESSION_LOST"
  /** The server can't say any more whether it handled the message. */
  | "UNKNOWN"
  /** The server does not speak v1.wsession: it has numbered messages from nobody. Use `sendNow`. */
  | "NOT_SUPPORTED"
  /** The server's handler failed. */
  | "HANDLER_FAILED"
  /** The message does not satisfy the server's schema. */
  | "INVALID_MESSAGE"
  /** What the handler made of the data does not satisfy the schema. */
  | "INVALID_DATA"
  /** The message, or what the handler made of the data, is longer than the server allows. */
  | "TOO_LARGE"
  /** What the handler made of the data can't be stored. */
  | "NOT_SERIALISABLE"
  /** The session's outbox is full. */
  | "OUTBOX_FULL";

/** `"not-applied"`: the message changed nothing, and never will. `"unknown"`: it was sent, and may have been handled. */
export type Outcome = "not-applied" | "unknown";

/** Made by `clientError` alone: an application has no need to. */
export let clientError: <Code extends ClientErrorCode>(
  code: Code,
  message: string,
  outcome?: Outcome,
) => ClientError<Code>;

/** What `send` rejects with, and what `connect` throws. */
export class ClientError<Code extends ClientErrorCode = ClientErrorCode> extends Error {
  override readonly name = "ClientError";
  readonly code: Code;
  /** What became of the message. */
  readonly outcome: Outcome;

  static {
    clientError = (code, message, outcome = "not-applied") => new ClientError(code, message, outcome);
  }

  private constructor(code: Code, message: string, outcome: Outcome) {
    super(message);
    this.code = code;
    this.outcome = outcome;
  }
}

/** A mistake of the programmer. */
export function invalid(message: string): ClientError {
  return clientError("INVALID_ARGUMENT", message);
}

/** Whether `error` is a ClientError, of `code` where one is given; true across copies of this package. */
export function isClientError<Code extends ClientErrorCode = ClientErrorCode>(
  error: unknown,
  code?: Code,
): error is ClientError<Code> {
  return (
    error instanceof Error &&
    error.name === "ClientError" &&
    "code" in error &&
    (code === undefined || error.code === code)
  );
}
