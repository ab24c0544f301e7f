/**
 * A received frame violates the protocol. A server closes the connection with 4400 and this error's message as the reason. The
 * message names the rule, and never quotes the frame.
 */
export class ProtocolError extends Error {
  /** Always "ProtocolError", also where two copies of this package make `instanceof` fail. */
  override readonly name = "ProtocolError";
}

/** `name` is the member, or another part of a frame, that is malformed. */
export function malformed(name: string): ProtocolError {
  return new ProtocolError(`${name} is malformed`);
}

/** The error for a mistake of the programmer. `message` names the argument and the required value. `code` is INVALID_ARGUMENT. */
export function invalidArgument(message: string): TypeError & { readonly code: "INVALID_ARGUMENT" } {
  return Object.assign(new TypeError(message), { code: "INVALID_ARGUMENT" as const });
}
