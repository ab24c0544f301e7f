/**
 * Checks of arguments and options, for programs without types. Each check throws INVALID_ARGUMENT and names the argument. A value
 * of a wrong type must not be ignored, because the limit or the check that the value sets would be missing. The value must not be
 * coerced either, because the coerced value has another meaning.
 */
import { assertNames, invalidArgument } from "./errors.ts";
import type { SessionError } from "./errors.ts";

/** The value of an option as an error message shows it: short, and without the content of objects. */
export function shown(value: unknown): string {
  if (typeof value === "string" && value.length <= 40) return JSON.stringify(value);
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  return kindOf(value);
}

/** The kind of a value, without its content, which may be a secret that was meant for another parameter. */
function kindOf(value: unknown): string {
  if (value === undefined || value === null) return String(value);
  if (Array.isArray(value)) return "an array";
  return typeof value === "object" ? kindOfObject(value) : `a ${typeof value}`;
}

/** The class of an object, read from its prototype: an own property `constructor` would be content. */
function kindOfObject(value: object): string {
  try {
    const prototype: unknown = Object.getPrototypeOf(value);
    const name = memberOf(memberOf(prototype, "constructor"), "name");
    if (typeof name !== "string" || !CLASS_NAME.test(name) || name === "Object") return "an object";
    return `${TAKES_AN.test(name) ? "an" : "a"} ${name}`;
  } catch {
    // A trap of a proxy, or a getter of the class, threw. The caller must get INVALID_ARGUMENT, and not that error.
    return "an object";
  }
}

/** "a Uint16Array" and "a URL", but "an ArrayBuffer". */
const TAKES_AN = /^(?:[AEIO]|U(?!int|RL))/;

/** A name without characters that could forge or flood a line of a log. */
const CLASS_NAME = /^[\w$]{1,40}$/;

/** Whether an object keeps its values as properties. A Map, a promise or an array would look like an object without options. */
export function isPlain(value: object): boolean {
  const tag = Object.prototype.toString.call(value);
  return tag === "[object Object]" || tag === "[object Module]";
}

/** Throws unless `given` is an object of options whose names are all among `known`. An instance of a class is allowed. */
export function assertOptions(
  where: string,
  given: unknown,
  known: readonly string[],
): asserts given is object {
  assertPlain(where, given, known[0]);
  assertNames(where, given, known);
}

/**
 * Throws unless `given` is an object that keeps its values as properties: no array, promise, Map or boxed value.
 *
 * @param example the name of an option, for the text of the error
 */
export function assertPlain(where: string, given: unknown, example?: string): asserts given is object {
  if (typeof given === "object" && given !== null && isPlain(given)) return;
  const hint = example === undefined ? "" : `, such as { ${example} }`;
  throw invalidArgument(`${where} takes an object with options${hint}, not ${kindOf(given)}`);
}

/** Throws unless `value` is milliseconds above 0. `Infinity` is allowed, for no limit. */
export function assertDuration(name: string, value: unknown): asserts value is number {
  if (typeof value !== "number" || !(value > 0))
    throw invalidArgument(`${name} must be a number of milliseconds above 0, not ${shown(value)}`);
}

/** Throws unless `value` is a number of at least 1. `Infinity` is allowed, for no limit. */
export function assertCount(name: string, value: unknown): asserts value is number {
  if (typeof value !== "number" || !(value >= 1))
    throw invalidArgument(`${name} must be a number of at least 1, not ${shown(value)}`);
}

/** Throws INVALID_ARGUMENT unless `value` is true or false. */
export function assertBoolean(name: string, value: unknown): asserts value is boolean {
  if (typeof value !== "boolean") throw invalidArgument(`${name} must be true or false, not ${shown(value)}`);
}

/** Throws INVALID_ARGUMENT unless `value` is one of `allowed`. */
export function assertOneOf<Value extends string>(
  name: string,
  value: unknown,
  allowed: readonly Value[],
): asserts value is Value {
  if (!allowed.some((one) => one === value))
    throw invalidArgument(`${name} must be one of ${allowed.join(", ")}, not ${shown(value)}`);
}

/** Throws INVALID_ARGUMENT unless `value` is a string. */
export function assertString(name: string, value: unknown): asserts value is string {
  if (typeof value !== "string") throw invalidArgument(`${name} must be a string, not ${kindOf(value)}`);
}

/** Throws unless `value` is a string that is not empty. */
export function assertText(name: string, value: unknown): asserts value is string {
  if (typeof value !== "string" || value === "")
    throw invalidArgument(`${name} must be a string that is not empty, not ${kindOf(value)}`);
}

/** Throws unless `value` is a string or `undefined`. */
export function assertReason(name: string, value: unknown): asserts value is string | undefined {
  if (value !== undefined) assertString(name, value);
}

/** Throws INVALID_ARGUMENT unless `value` is a function. */
export function assertFunction(name: string, value: unknown): void {
  if (typeof value !== "function") throw invalidArgument(`${name} must be a function, not ${kindOf(value)}`);
}

/** Throws unless `value` is an object or a function that has these methods. */
export function assertMethods(name: string, value: unknown, what: string, methods: readonly string[]): void {
  const missing = methods.find((method) => typeof memberOf(value, method) !== "function");
  if (missing !== undefined)
    throw invalidArgument(`${name} must be ${what}: ${kindOf(value)} has no method ${missing}`);
}

/** The error for a message of a wrong type: most often an object that the caller meant to send as JSON. */
export function messageError(where: string, message: unknown): SessionError {
  const kind = kindOf(message);
  const isJson = kind === "an object" || kind === "an array";
  const advice = isJson ? ": pass JSON.stringify() of it" : "";
  return invalidArgument(`${where} takes a string or a Uint8Array, not ${kind}${advice}`);
}

/** A member of an object or a function; `undefined` for any other value. */
export function memberOf(value: unknown, name: string): unknown {
  const has = (typeof value === "object" && value !== null) || typeof value === "function";
  return has ? Reflect.get(value, name) : undefined;
}

/** For a function without parameters: a caller that passes a value expects the value to have an effect. */
export function assertNone(where: string, surplus: unknown): void {
  if (surplus !== undefined) throw invalidArgument(`${where} takes no argument, not ${kindOf(surplus)}`);
}

/**
 * For a value after the last parameter: throws for an object or a function, because options or a callback would be ignored.
 * A number is allowed, because `ids.map(sessions.get, sessions)` passes the index there.
 */
export function assertNoMore(where: string, surplus: unknown): void {
  if ((typeof surplus === "object" && surplus !== null) || typeof surplus === "function")
    throw invalidArgument(`${where} takes no further argument: ${kindOf(surplus)} would be ignored`);
}
