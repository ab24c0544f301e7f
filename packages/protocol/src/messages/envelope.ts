/** The wire: JSON text, `["name",payload]`, or `["name"]` where the payload is undefined. */
import { MessageError } from "./errors.ts";

export interface Envelope {
  readonly text: string;
  /** The payload after the JSON round trip: a Date is a string, NaN is null, and an undefined member is absent. */
  readonly received: unknown;
}

/** Throws MessageError with NOT_SERIALISABLE. */
export function writeMessage(name: string, payload: unknown): Envelope {
  if (payload === undefined) return { text: JSON.stringify([name]), received: undefined };
  const json = jsonOf(name, payload);
  return { text: `[${JSON.stringify(name)},${json}]`, received: JSON.parse(json) };
}

function jsonOf(name: string, payload: unknown): string {
  let json: string | undefined;
  try {
    json = JSON.stringify(payload);
  } catch (cause) {
    throw new MessageError("NOT_SERIALISABLE", name, "can't be written as JSON", cause);
  }
  // Functions and symbols have no JSON.
  if (json === undefined) throw new MessageError("NOT_SERIALISABLE", name, "can't be written as JSON");
  return json;
}

/** Returns `undefined` if `data` is not a message. */
export function readMessage(data: unknown): { readonly name: string; readonly payload: unknown } | undefined {
  if (typeof data !== "string") return undefined;
  let parts: unknown;
  try {
    parts = JSON.parse(data);
  } catch {
    return undefined;
  }
  if (!Array.isArray(parts) || parts.length > 2) return undefined;
  const [name, payload]: readonly unknown[] = parts;
  return typeof name === "string" ? { name, payload } : undefined;
}
