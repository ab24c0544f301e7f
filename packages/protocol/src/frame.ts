import { malformed } from "./errors.ts";

/** The first byte of a plain message. */
const PLAIN = 0x2d;
/** The first byte of a counted message. */
export const COUNTED = 0x3d;
/** The first byte of a control frame. */
export const CONTROL = 0x2e;

/**
 * The kind of a frame: the first character of a text frame, or the first byte of a binary frame. The client uses the constants
 * above, because a bundler does not replace a member of an object by its value.
 */
export const Lead: {
  readonly Plain: typeof PLAIN;
  readonly Counted: typeof COUNTED;
  readonly Control: typeof CONTROL;
} = { Plain: PLAIN, Counted: COUNTED, Control: CONTROL };

/** Returns the kind of a frame. Throws ProtocolError for an empty frame, an unknown lead, and a binary control frame. */
export function leadOf(frame: string | Uint8Array): (typeof Lead)[keyof typeof Lead] {
  // An index and no `charCodeAt`: once any module declares a class that extends String, V8 finds each method of a string slowly.
  switch (frame[0]) {
    case "-":
    case PLAIN:
      return PLAIN;
    case "=":
    case COUNTED:
      return COUNTED;
    case ".":
      return CONTROL;
    default:
      throw malformed("a frame's first byte (-, = or .)");
  }
}

/** Returns the message of a plain frame, or of a client's counted frame. A binary message shares the memory of the frame. */
export function payloadOf<Frame extends string | Uint8Array>(
  frame: Frame,
): Frame extends string ? string : Uint8Array;
export function payloadOf(frame: string | Uint8Array): string | Uint8Array {
  return typeof frame === "string" ? frame.slice(1) : frame.subarray(1);
}

/** Writes a message without a number: `sendNow` of a client, `conn.send` of a server. */
export function writePlain(message: string | Uint8Array): string | Uint8Array {
  return withLead("-", PLAIN, message);
}

/** Writes a client's numbered message. The frame does not contain the number, because both sides count. */
export function writeCounted(message: string | Uint8Array): string | Uint8Array {
  return withLead("=", COUNTED, message);
}

function withLead(lead: string, byte: number, message: string | Uint8Array): string | Uint8Array {
  if (typeof message === "string") return lead + message;
  const frame = new Uint8Array(message.byteLength + 1);
  frame[0] = byte;
  frame.set(message, 1);
  return frame;
}
