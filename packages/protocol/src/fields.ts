/** Readers of the members of a control frame. A reader throws a ProtocolError that names the member and never quotes its value. */
import { readChain } from "./chain.ts";
import type { Position } from "./chain.ts";
import { malformed, ProtocolError } from "./errors.ts";
import { MAX_CONTROL_LENGTH, MAX_NUMBER } from "./limits.ts";

export function assertControlLength(frame: string): void {
  if (frame.length > MAX_CONTROL_LENGTH)
    throw new ProtocolError(`a control frame must have at most ${MAX_CONTROL_LENGTH} characters`);
}

/** Reads the number of a message or an offset: an integer from 0 to `most`. Throws ProtocolError. */
export function readNumber(value: unknown, name: string, most: number = MAX_NUMBER): number {
  if (typeof value === "number" && value >= 0 && value <= most && value % 1 === 0) return value;
  throw malformed(name);
}

/** Reads a number from decimal digits without a leading zero. */
export function readDigits(text: string | undefined, name: string, most?: number): number {
  const number = Number(text);
  // `Number` also accepts "1e3", " 1" and "01", so compare the text.
  return readNumber(`${number}` === text ? number : undefined, name, most);
}

/** Reads a number of 31 bits. Throws ProtocolError. */
export function readMark(value: unknown, name: string): number {
  return readNumber(value, name, 2 ** 31 - 1);
}

export function readFlag(value: unknown, name: string): boolean {
  if (typeof value === "boolean") return value;
  throw malformed(name);
}

/** Reads a string. Throws ProtocolError. */
export function readText(value: unknown, name: string): string {
  if (typeof value === "string") return value;
  throw malformed(name);
}

/** Reads the id of a session: 1 to 64 characters of base64url. Throws ProtocolError. */
export function readSessionId(value: unknown, name: string): string {
  if (typeof value === "string" && /^[\w-]{1,64}$/.test(value)) return value;
  throw malformed(name);
}

/** Reads a position from `[offset, chain]`. Throws ProtocolError. */
export function readPosition(value: unknown, name: string): Position {
  if (!Array.isArray(value) || value.length !== 2) throw malformed(name);
  const [offset, chain]: readonly unknown[] = value;
  return { offset: readNumber(offset, name), chain: readChain(chain) };
}

/** Reads a member. Throws a ProtocolError that names the member. `value` is `undefined` if the member is absent. */
export type Reader<Value> = (value: unknown, name: string) => Value;

/** Makes a reader of a member that may be absent. */
export function optional<Value>(reader: Reader<Value>): Reader<Value | undefined> {
  return (value, name) => (value === undefined ? value : reader(value, name));
}

/**
 * Reads the members of an object, each by the reader of the same name, in the order of the readers. Unknown members are ignored,
 * because a later version may add some. Properties that a page has added to `Object.prototype` are not readers, and are ignored. Throws
 * ProtocolError.
 */
export function readMembers<Members extends object>(
  value: unknown,
  readers: { readonly [Name in keyof Members]: Reader<Members[Name]> },
): Members {
  if (!isObject(value)) throw malformed("a control frame's body");
  const members: Partial<Members> = {};
  for (const name in readers)
    if (Object.hasOwn(readers, name)) members[name] = readers[name](value[name], name);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- `members` has a member for each reader
  return members as Members;
}

/** Reads the members of the JSON after the name of a control frame, as `readMembers` does. */
export function parseMembers<Members extends object>(
  json: string,
  readers: { readonly [Name in keyof Members]: Reader<Members[Name]> },
): Members {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    // `value` stays undefined, which `readMembers` refuses.
  }
  return readMembers(value, readers);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
