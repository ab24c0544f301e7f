import { invalidArgument } from "../errors.ts";

/** What is wrong with a message that is to be sent. `switch` with a default: the union may grow in a minor version. */
export type MessageErrorCode =
  /** Its payload does not satisfy its schema once it is JSON. The error's `cause` is what the schema said. */
  | "INVALID_MESSAGE"
  /** JSON can't carry its payload: a BigInt, a function, an object that contains itself. */
  | "NOT_SERIALISABLE";

/** A message was not sent. The error's `message` names the place in the payload, and never what stands there. */
export class MessageError extends Error {
  override readonly name = "MessageError";
  readonly code: MessageErrorCode;
  /** The message's name, or that of the refusal. */
  readonly messageName: string;

  constructor(code: MessageErrorCode, messageName: string, problem: string, cause?: unknown) {
    super(`${messageName} ${problem}`, { cause });
    this.code = code;
    this.messageName = messageName;
  }
}

/**
 * Whether `error` is a MessageError, of `code` where one is given; true across copies of this package.
 *
 * @throws a TypeError with the code INVALID_ARGUMENT where `code` is given and no string.
 */
export function isMessageError(error: unknown, code?: MessageErrorCode): error is MessageError {
  if (code !== undefined && typeof code !== "string")
    throw invalidArgument("isMessageError() takes a code of type string");
  return (
    error instanceof Error &&
    error.name === "MessageError" &&
    "code" in error &&
    (code === undefined || error.code === code)
  );
}
