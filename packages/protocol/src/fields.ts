/** Readers of what a control frame holds: each throws ProtocolError with the member's name, and none quotes what came. */
import { readChain } from "./chain.ts";
import type { Position } from "./chain.ts";
import { malformed, ProtocolError } from "./errors.ts";
import { MAX_CONTROL_LENGTH, MAX_NUMBER } from "./limits.ts";

export function assertControlLength(frame: string): void {
  if (frame.length > MAX_CONTROL_LENGTH)
    throw new ProtocolError(`a control frame must have at most ${MAX_CONTROL_LENGTH} characters`);
}

/** A number of messages or an offset, from 0. */
export function readNumber(value: unknown, name: string, most: number = MAX_NUMBER): number {
  if (typeof value === "number" && value >= 0 && value <= most && value % 1 === 0) return value;
  throw malformed(name);
}

/** As `readNumber`, from decimal digits without a leading zero. */
export function readDigits(text: string | undefined, name: string, most?: number): number {
  const number = Number(text);
  // "1e3", " 1" and "01" are written otherwise.
  return readNumber(`${number}` === text ? number : undefined, name, most);
}

/** A number of 31 bits. */
export function readMark(value: unknown, name: string): number {
  return readNumber(value, name, 2 ** 31 - 1);
}

export function readFlag(value: unknown, name: string): boolean {
  if (typeof value === "boolean") return value;
  throw malformed(name);
}

export function readText(value: unknown, name: string): string {
  if (typeof value === "string") return value;
  throw malformed(name);
}

export function readSessionId(value: unknown, name: string): string {
  if (typeof value === "string" && /^[\w-]{1,64}$/.test(value)) return value;
  throw malformed(name);
}

export function readPosition(value: unknown, name: string): Position {
  if (!Array.isArray(value) || value.length !== 2) throw malformed(name);
  const [offset, chain]: readonly unknown[] = value;
  return { offset: readNumber(offset, name), chain: readChain(chain) };
}

/** The JSON object behind a control frame's name. Members that this version does not know are passed over. */
export class Body {
  readonly #fields: Readonly<Record<string, unknown>>;

  constructor(json: string) {
    let value: unknown;
    try {
      value = JSON.parse(json);
    } catch {
      // Falls through: undefined is no object.
    }
    if (!isObject(value)) throw malformed("a control frame's body");
    this.#fields = value;
  }

  read<Value>(name: string, reader: (value: unknown, name: string) => Value): Value {
    return reader(this.#fields[name], name);
  }

  /** A member that may be left out. */
  optional<Value>(name: string, reader: (value: unknown, name: string) => Value): Value | undefined {
    return this.#fields[name] === undefined ? undefined : this.read(name, reader);
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
