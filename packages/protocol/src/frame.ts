import { malformed } from "./errors.ts";

/** What a frame begins with: a character of a text frame, or the byte of that number in a binary one. */
export const Lead = { Plain: 0x2d, Counted: 0x3d, Control: 0x2e } as const;

const PLAIN = "-";
const COUNTED = "=";

/** What a frame is, by its first character or byte. Throws ProtocolError for an empty frame, and for any other lead. */
export function leadOf(frame: string | Uint8Array): (typeof Lead)[keyof typeof Lead] {
  const isText = typeof frame === "string";
  const lead = isText ? frame.charCodeAt(0) : frame[0];
  if (lead === Lead.Plain || lead === Lead.Counted) return lead;
  if (lead === Lead.Control && isText) return lead;
  throw malformed("a frame's first byte (-, = or .)");
}

/** The message in a plain frame, or in a counted one of a client. Binary shares the frame's memory, from its second byte on. */
export function payloadOf<Frame extends string | Uint8Array>(
  frame: Frame,
): Frame extends string ? string : Uint8Array;
export function payloadOf(frame: string | Uint8Array): string | Uint8Array {
  return typeof frame === "string" ? frame.slice(1) : frame.subarray(1);
}

/** A message that no one counts: `sendNow` of a client, `conn.send` of a server. */
export function writePlain(message: string | Uint8Array): string | Uint8Array {
  return typeof message === "string" ? PLAIN + message : withLead(Lead.Plain, message);
}

/** A client's numbered message. The frame has no number, since both sides count. */
export function writeCounted(message: string | Uint8Array): string | Uint8Array {
  return typeof message === "string" ? COUNTED + message : withLead(Lead.Counted, message);
}

function withLead(lead: number, message: Uint8Array): Uint8Array {
  const frame = new Uint8Array(message.byteLength + 1);
  frame[0] = lead;
  frame.set(message, 1);
  return frame;
}
