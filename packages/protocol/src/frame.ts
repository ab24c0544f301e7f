import { malformed } from "./errors.ts";

/** The kind of a frame: the first character of a text frame, or the first byte of a binary frame. */
export const Lead = { Plain: 0x2d, Counted: 0x3d, Control: 0x2e } as const;

const PLAIN = "-";
const COUNTED = "=";

/** Returns the kind of a frame. Throws ProtocolError for an empty frame, an unknown lead, and a binary control frame. */
export function leadOf(frame: string | Uint8Array): (typeof Lead)[keyof typeof Lead] {
  const isText = typeof frame === "string";
  const lead = isText ? frame.charCodeAt(0) : frame[0];
  if (lead === Lead.Plain || lead === Lead.Counted) return lead;
  if (lead === Lead.Control && isText) return lead;
  throw malformed("a frame's first byte (-, = or .)");
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
  return typeof message === "string" ? PLAIN + message : withLead(Lead.Plain, message);
}

/** Writes a client's numbered message. The frame does not contain the number, because both sides count. */
export function writeCounted(message: string | Uint8Array): string | Uint8Array {
  return typeof message === "string" ? COUNTED + message : withLead(Lead.Counted, message);
}

function withLead(lead: number, message: Uint8Array): Uint8Array {
  const frame = new Uint8Array(message.byteLength + 1);
  frame[0] = lead;
  frame.set(message, 1);
  return frame;
}
