import type { Change } from "./contract.ts";

/** Names that reach a prototype instead of a field; they never travel (OWASP: prototype pollution). */
const FORBIDDEN: ReadonlySet<string> = new Set(["__proto__", "constructor", "prototype"]);

export function isForbiddenField(name: string): boolean {
  return FORBIDDEN.has(name);
}

/**
 * `data` with the change applied, as a new object of the same class; `data` itself is left as it is. A change of fields
 * is for data that is `copyable` as a whole.
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
 * Freezes plain objects and arrays all the way down, so that a change that would be lost throws where it is made. Without
 * recursion: a client may have chosen how deep that is.
 */
export function deepFreeze<Value>(value: Value): Value {
  const waiting: unknown[] = [value];
  for (let one = waiting.pop(); one !== undefined || waiting.length > 0; one = waiting.pop()) {
    if (typeof one !== "object" || one === null || Object.isFrozen(one)) continue;
    // Left to the store, which refuses it: to freeze bytes throws, and a frozen Map is as changeable as before.
    const prototype: unknown = Object.getPrototypeOf(one);
    if (!Array.isArray(one) && prototype !== Object.prototype && prototype !== null) continue;
    Object.freeze(one);
    for (const inner of Object.values(one)) waiting.push(inner);
  }
  return value;
}
