/**
 * What came is not a frame of the protocol. A server ends such a connection with the close code 4400 and this error's message
 * as its reason: the message names the rule, and never what was sent.
 */
export class ProtocolError extends Error {
  override readonly name = "ProtocolError";
}

/** `name`: of the member, or of another part of a frame. */
export function malformed(name: string): ProtocolError {
  return new ProtocolError(`${name} is malformed`);
}

/** A mistake of the programmer: `message` says which argument, and what it has to be. Its `code` is INVALID_ARGUMENT. */
export function invalidArgument(message: string): TypeError & { readonly code: "INVALID_ARGUMENT" } {
  return Object.assign(new TypeError(message), { code: "INVALID_ARGUMENT" as const });
}
