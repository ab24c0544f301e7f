/**
 * Checks of arguments and options, for programs without types: each throws INVALID_ARGUMENT by name, because a value of a
 * wrong type that is passed over leaves open what it was to guard, and one that is coerced means something else.
 */
import { assertNames, invalidArgument } from "./errors.ts";

/** A value of an option as an error shows it, short. */
export function shown(value: unknown): string {
  if (typeof value === "string" && value.length <= 40) return JSON.stringify(value);
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  return kindOf(value);
}

/** What a value is, without what it holds: it may be a secret that was meant for another parameter. */
function kindOf(value: unknown): string {
  if (value === undefined || value === null) return String(value);
  if (Array.isArray(value)) return "an array";
  return typeof value === "object" ? "an object of this kind" : `a ${typeof value}`;
}

/** Whether an object has its values as properties. A Map, a promise or an array would be taken for one without any. */
export function isPlain(value: object): boolean {
  const tag = Object.prototype.toString.call(value);
  return tag === "[object Object]" || tag === "[object Module]";
}

/** `given` is an object of options, none of another name than `known`. An instance of a class may be one. */
export function assertOptions(
  where: string,
  given: unknown,
  known: readonly string[],
): asserts given is object {
  assertPlain(where, given);
  assertNames(where, given, known);
}

/** `given` is an object that has its values as properties, and no array, promise, Map or boxed value. */
export function assertPlain(where: string, given: unknown): asserts given is object {
  if (typeof given !== "object" || given === null || !isPlain(given))
    throw invalidArgument(`${where} takes an object with options, not ${kindOf(given)}`);
}

/** Milliseconds above 0; `Infinity` for no limit. */
export function assertDuration(name: string, value: unknown): asserts value is number {
  if (typeof value !== "number" || !(value > 0))
    throw invalidArgument(`${name} is milliseconds above 0, not ${shown(value)}`);
}

/** A number from 1; `Infinity` for no limit. */
export function assertCount(name: string, value: unknown): asserts value is number {
  if (typeof value !== "number" || !(value >= 1))
    throw invalidArgument(`${name} is a number from 1, not ${shown(value)}`);
}

export function assertBoolean(name: string, value: unknown): asserts value is boolean {
  if (typeof value !== "boolean") throw invalidArgument(`${name} is true or false, not ${shown(value)}`);
}

export function assertOneOf<Value extends string>(
  name: string,
  value: unknown,
  allowed: readonly Value[],
): asserts value is Value {
  if (!allowed.some((one) => one === value))
    throw invalidArgument(`${name} is one of ${allowed.join(", ")}, not ${shown(value)}`);
}

export function assertString(name: string, value: unknown): asserts value is string {
  if (typeof value !== "string") throw invalidArgument(`${name} is a string, not ${kindOf(value)}`);
}

/** A string that is not empty. */
export function assertText(name: string, value: unknown): asserts value is string {
  if (typeof value !== "string" || value === "")
    throw invalidArgument(`${name} is a string that is not empty, not ${kindOf(value)}`);
}

/** A string, or nothing. */
export function assertReason(name: string, value: unknown): asserts value is string | undefined {
  if (value !== undefined) assertString(name, value);
}

export function assertFunction(name: string, value: unknown): void {
  if (typeof value !== "function") throw invalidArgument(`${name} is a function, not ${kindOf(value)}`);
}

/** An object, or a function, that has these methods. */
export function assertMethods(name: string, value: unknown, what: string, methods: readonly string[]): void {
  const missing = methods.find((method) => typeof memberOf(value, method) !== "function");
  if (missing !== undefined)
    throw invalidArgument(`${name} is ${what}: ${kindOf(value)} has no method ${missing}`);
}

/** `undefined` for what has no members. */
export function memberOf(value: unknown, name: string): unknown {
  const has = (typeof value === "object" && value !== null) || typeof value === "function";
  return has ? Reflect.get(value, name) : undefined;
}

/** For a function without parameters: who gives it a value believes that it does something. */
export function assertNone(where: string, surplus: unknown): void {
  if (surplus !== undefined) throw invalidArgument(`${where} takes no argument, not ${kindOf(surplus)}`);
}

/**
 * For what stands behind the last parameter: options or a callback that would be passed over. A number there comes from
 * `ids.map(sessions.get, sessions)`, and means nothing.
 */
export function assertNoMore(where: string, surplus: unknown): void {
  if ((typeof surplus === "object" && surplus !== null) || typeof surplus === "function")
    throw invalidArgument(`${where} takes no such argument: ${kindOf(surplus)} would be passed over`);
}
