import { isSessionError, SessionError } from "../base/errors.ts";
import type { Change } from "./contract.ts";

/** Field names that reach a prototype instead of a field. They are refused everywhere (OWASP: prototype pollution). */
const FORBIDDEN: ReadonlySet<string> = new Set(["__proto__", "constructor", "prototype"]);

/**
 * Reads data of the application once the application's own call is over. A getter or a proxy in the data may throw: throws
 * INVALID_DATA then. An error without a type would look like a failure of the store, after which a client sends its message again
 * (I11, I21).
 */
export function readData<Result>(read: () => Result): Result {
  try {
    return read();
  } catch (cause) {
    if (isSessionError(cause, "INVALID_DATA")) throw cause;
    const message = "the data can't be read: a getter or a proxy in it threw an error";
    throw new SessionError("INVALID_DATA", message, { outcome: "not-applied", cause });
  }
}

/**
 * Applies a change to `data`. Returns a new object of the same class, and does not change `data`. A change of fields is only for
 * data that is `copyable` as a whole.
 */
export function applyChange(data: object, change: Change): object {
  if (change.type === "replace") return change.data;
  const next: Record<string, unknown> = { ...data, ...change.set };
  for (const name of change.unset) delete next[name];
  if (Object.getPrototypeOf(data) !== Object.prototype)
    Object.setPrototypeOf(next, Object.getPrototypeOf(data));
  return next;
}

/** The first forbidden name among an object's own fields. */
export function forbiddenField(data: object): string | undefined {
  for (const name of FORBIDDEN) if (Object.hasOwn(data, name)) return name;
  return undefined;
}

/**
 * Freezes plain objects and arrays deeply, so that a change in place throws instead of being lost. Without recursion, because a
 * client may have chosen the depth, and deep data would overflow the stack.
 */
export function deepFreeze<Value>(value: Value): Value {
  const waiting: unknown[] = [value];
  for (let one = waiting.pop(); one !== undefined || waiting.length > 0; one = waiting.pop()) {
    if (typeof one !== "object" || one === null || Object.isFrozen(one)) continue;
    // The store refuses any other object. Freezing bytes throws, and a frozen Map can be changed as before.
    const prototype: unknown = Object.getPrototypeOf(one);
    if (!Array.isArray(one) && prototype !== Object.prototype && prototype !== null) continue;
    Object.freeze(one);
    for (const inner of Object.values(one)) waiting.push(inner);
  }
  return value;
}
