import { invalidArgument } from "../errors.ts";

/** The reason for which a message can't be sent. The union may grow in a minor version, so use `switch` with a default. */
export type MessageErrorCode =
  /** The payload, as JSON, does not satisfy its schema. The error's `cause` has the issues of the schema. */
  | "INVALID_MESSAGE"
  /** JSON can't represent the payload: a BigInt, a function, an object that contains itself. */
  | "NOT_SERIALISABLE";

/** The error for a message that was not sent. Its text names paths in the payload, and never quotes values. */
export class MessageError extends Error {
  /** Always "MessageError", also where two copies of this package make `instanceof` fail. */
  override readonly name = "MessageError";
  /** What happened, for programs. */
  readonly code: MessageErrorCode;
  /** The name of the message or of the refusal. */
  readonly messageName: string;

  constructor(code: MessageErrorCode, messageName: string, problem: string, cause?: unknown) {
    super(`${messageName} ${problem}`, { cause });
    this.code = code;
    this.messageName = messageName;
  }
}

/**
 * Whether `error` is a MessageError, with `code` if a code is given. Works across copies of this package.
 *
 * @throws a TypeError with the code INVALID_ARGUMENT if `code` is given and not a string.
 */
export function isMessageError(error: unknown, code?: MessageErrorCode): error is MessageError {
  if (code !== undefined && typeof code !== "string")
    throw invalidArgument("isMessageError() takes a code of type string");
  try {
    return (
      error instanceof Error &&
      error.name === "MessageError" &&
      "code" in error &&
      (code === undefined || error.code === code)
    );
  } catch {
    // A getter or a proxy of the application's error threw.
    return false;
  }
}
