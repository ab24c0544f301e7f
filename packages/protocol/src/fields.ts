/** Readers of what a control frame holds: each throws ProtocolError, and none quotes what came. */
import { readChain } from "./chain.ts";
import type { Position } from "./chain.ts";
import { ProtocolError } from "./errors.ts";
import { CLIENT_ID_LENGTH, MAX_CONTROL_LENGTH, MAX_NUMBER } from "./limits.ts";

export type Fields = Readonly<Record<string, unknown>>;

const CLIENT_ID = new RegExp(`^[A-Za-z0-9_-]{${CLIENT_ID_LENGTH}}$`);
const SESSION_ID = /^[A-Za-z0-9_-]{1,64}$/;
const NUMBER = /^(?:0|[1-9]\d{0,12})$/;
const MAX_MARK = 2 ** 31 - 1;

export function assertControlLength(frame: string): void {
  if (frame.length > MAX_CONTROL_LENGTH)
    throw new ProtocolError(`a control frame has ${MAX_CONTROL_LENGTH} characters at the most`);
}

/** The JSON object behind a control frame's name. Members that this version does not know are passed over. */
export function readFields(json: string): Fields {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    throw new ProtocolError("a control frame's body is not JSON");
  }
  if (!isFields(value)) throw new ProtocolError("a control frame's body is not an object");
  return value;
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A number of messages or an offset, from 0. */
export function readNumber(name: string, value: unknown): number {
  if (typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= MAX_NUMBER) return value;
  throw new ProtocolError(`${name} is an integer from 0 to ${MAX_NUMBER}`);
}

/** As `readNumber`, from decimal digits. */
export function readDigits(name: string, text: string | undefined): number {
  return readNumber(name, text !== undefined && NUMBER.test(text) ? Number(text) : undefined);
}

export function readMark(value: unknown): number {
  const mark = readNumber("mark", value);
  if (mark > MAX_MARK) throw new ProtocolError("mark has 31 bits");
  return mark;
}

export function readFlag(name: string, value: unknown): boolean {
  if (typeof value === "boolean") return value;
  throw new ProtocolError(`${name} is true or false`);
}

export function readText(name: string, value: unknown): string {
  if (typeof value === "string") return value;
  throw new ProtocolError(`${name} is a string`);
}

export function readClientId(value: unknown): string {
  if (typeof value === "string" && CLIENT_ID.test(value)) return value;
  throw new ProtocolError(`client is ${CLIENT_ID_LENGTH} characters of base64url`);
}

export function readSessionId(value: unknown): string {
  if (typeof value === "string" && SESSION_ID.test(value)) return value;
  throw new ProtocolError("session is 1 to 64 characters of base64url");
}

export function readPosition(name: string, value: unknown): Position {
  if (!Array.isArray(value) || value.length !== 2) throw new ProtocolError(`${name} is [offset, chain]`);
  const [offset, chain]: readonly unknown[] = value;
  return { offset: readNumber(name, offset), chain: readChain(chain) };
}

/** `read` of a member that may be left out. */
export function optional<Value>(value: unknown, read: (value: unknown) => Value): Value | undefined {
  return value === undefined ? undefined : read(value);
}
