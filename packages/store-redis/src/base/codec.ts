/** A session's data as fields of a hash: one JSON text for each top-level property. */
import { isSessionError, SessionError } from "@wsession/core";
import type { Change, Fields } from "@wsession/core";

const DATA = "d:";
const FORBIDDEN: ReadonlySet<string> = new Set(["__proto__", "constructor", "prototype"]);
/**
 * Limits recursion. A client may control the nesting depth of a value, and too deep a value would overflow
 * the stack.
 */
const MAX_DEPTH = 500;

/** A session's data in the form that the scripts take. */
export interface EncodedData {
  /** Hash field and JSON text, alternating. */
  readonly fields: string[];
  readonly bytes: number;
}

/** A change in the form that write.lua takes. */
export interface EncodedChange {
  readonly mode: "f" | "r";
  /** Hash field and JSON text, alternating. */
  readonly set: readonly string[];
  readonly unset: readonly string[];
}

/**
 * Runs an encoding. A getter or a proxy in the application's data may throw: then nothing was sent to Redis, and the error must not
 * look like a failure of Redis.
 */
function encoding<Result>(encode: () => Result): Result {
  try {
    return encode();
  } catch (error) {
    if (isSessionError(error, "NOT_SERIALISABLE") || isSessionError(error, "TOO_LARGE")) throw error;
    throw notSerialisable("the data", "can't be read", { cause: error });
  }
}

/** Encodes all of a session's data. `bytes` is what counts against `maxBytes`. */
export function encodeData(data: object, maxBytes: number): EncodedData {
  return encoding(() => allFields(data, maxBytes));
}

function allFields(data: object, maxBytes: number): EncodedData {
  assertPlain(data);
  const fields: string[] = [];
  for (const [name, value] of Object.entries(data)) {
    if (value !== undefined) fields.push(fieldName(name), encodeValue(name, value));
  }
  return { fields, bytes: checkSize(fields, maxBytes) };
}

/**
 * Encodes a change. A replacement is sent as the fields that differ, if the data at the expected version is
 * known. A top-level property that is `undefined` counts as absent.
 */
export function encodeChange(change: Change, expect: number | undefined, maxBytes: number): EncodedChange {
  return encoding(() => changedFields(change, expect, maxBytes));
}

function changedFields(change: Change, expect: number | undefined, maxBytes: number): EncodedChange {
  if (change.type === "fields") {
    const set = Object.entries(change.set).flatMap(([name, value]) => [
      fieldName(name),
      encodeValue(name, value),
    ]);
    checkSize(set, maxBytes);
    return { mode: "f", set, unset: change.unset.map(fieldName) };
  }
  if (change.base === undefined || expect === undefined) {
    return { mode: "r", set: allFields(change.data, maxBytes).fields, unset: [] };
  }
  assertPlain(change.data);
  return difference({ ...change.base }, { ...change.data }, maxBytes);
}

function difference(base: Fields, data: Fields, maxBytes: number): EncodedChange {
  const set: string[] = [];
  for (const name of Object.keys(data)) {
    const value = data[name];
    const before = own(base, name);
    if (value === undefined || Object.is(before, value)) continue;
    const text = encodeValue(name, value);
    if (typeof value === "object" && typeof before === "object" && JSON.stringify(before) === text) continue;
    set.push(fieldName(name), text);
  }
  checkSize(set, maxBytes);
  const unset = Object.keys(base)
    .filter((name) => base[name] !== undefined && own(data, name) === undefined)
    .map(fieldName);
  return { mode: "f", set, unset };
}

function own(fields: Fields, name: string): unknown {
  return Object.hasOwn(fields, name) ? fields[name] : undefined;
}

/**
 * Decodes a field of the stored hash into `data`. Returns false for a field that is not session data. Throws
 * what JSON.parse throws.
 */
export function decodeField(data: Record<string, unknown>, field: string, text: string): boolean {
  if (!field.startsWith(DATA)) return false;
  const name = field.slice(DATA.length);
  if (FORBIDDEN.has(name))
    throw new SyntaxError("a field's name is reserved, because it reaches a prototype");
  data[name] = JSON.parse(text);
  return true;
}

function fieldName(name: string): string {
  if (FORBIDDEN.has(name)) throw notSerialisable(name, "has a reserved name, which reaches a prototype");
  if (!name.isWellFormed()) throw notSerialisable("a field", "has a name that UTF-8 can't represent");
  return DATA + name;
}

function encodeValue(name: string, value: unknown): string {
  assertJson(name, value, undefined);
  return JSON.stringify(value);
}

function checkSize(fields: readonly string[], maxBytes: number): number {
  let bytes = 0;
  for (const field of fields) bytes += Buffer.byteLength(field);
  if (bytes > maxBytes) throw tooLarge(maxBytes);
  return bytes;
}

export function tooLarge(maxBytes: number): SessionError {
  return new SessionError("TOO_LARGE", `the session's data would exceed maxBytes, ${maxBytes}`, {
    outcome: "not-applied",
  });
}

/**
 * Rejects values that would not survive a JSON round trip. The error names the field, never the value,
 * because values may be secret.
 */
function assertJson(path: string, value: unknown, above: Set<object> | undefined): void {
  switch (typeof value) {
    case "string":
    case "boolean":
      return;
    case "number":
      if (!Number.isFinite(value)) throw notSerialisable(path, "is a number that JSON can't represent");
      return;
    case "object":
      if (value !== null) assertContainer(path, value, above ?? new Set());
      return;
    default:
      throw notSerialisable(path, `is ${typeof value === "undefined" ? "undefined" : `a ${typeof value}`}`);
  }
}

function assertContainer(path: string, value: object, above: Set<object>): void {
  if (above.has(value)) throw notSerialisable(path, "contains itself");
  if (above.size >= MAX_DEPTH) throw notSerialisable("a field", "is nested too deeply");
  above.add(value);
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index += 1)
      assertJson(`${path}[${index}]`, value[index], above);
    // JSON drops such a property, for example those of the result of a match.
    if (Object.keys(value).length !== value.length)
      throw notSerialisable(path, "is an array with properties that are no elements");
    // Array.prototype is an array too. It is not compared with that of this realm, because arrays of node:vm and of Jest have another.
    if (!Array.isArray(Object.getPrototypeOf(value))) throw notSerialisable(path, "is not a plain array");
    assertNothingHidden(value, path);
  } else {
    assertPlain(value, path);
    for (const [name, inner] of Object.entries(value)) {
      if (name === "__proto__") throw notSerialisable(path, "has a property that reaches a prototype");
      assertJson(`${path}.${name}`, inner, above);
    }
  }
  above.delete(value);
}

function assertPlain(value: object, path = "the data"): void {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null)
    throw notSerialisable(path, "is not a plain object");
  assertNothingHidden(value, path);
}

/** JSON drops symbols, and writes the result of `toJSON` in place of the value. */
function assertNothingHidden(value: object, path: string): void {
  if (Object.getOwnPropertySymbols(value).length > 0)
    throw notSerialisable(path, "has properties whose names are symbols");
  if ("toJSON" in value && typeof value.toJSON === "function")
    throw notSerialisable(path, "has a toJSON of its own");
}

function notSerialisable(
  path: string,
  why: string,
  options: { readonly cause?: unknown } = {},
): SessionError {
  return new SessionError("NOT_SERIALISABLE", `${path} ${why}; nothing was changed`, {
    outcome: "not-applied",
    ...options,
  });
}
