/** Detects whether a copy of an object's own fields behaves as the object does. */

/** `#name` anywhere in the text of a class. A colour in a string matches too. Then `patch` is refused without need. */
const PRIVATE_NAME = /#[\p{ID_Start}$_\\]/u;
const NATIVE_CODE = /\{\s*\[native code\]\s*\}$/;

/** Which part of an object a copy of its own fields has. */
export type Copyable =
  /** The whole object: `{ ...object }` with the same prototype behaves in the same way. */
  | "whole"
  /** Not the `#private` fields: a copy would have the methods of the class without the fields that these use. */
  | "without-private"
  /** Nothing of the object's content: an array, a Map, a Date or another built-in. */
  | "built-in";

/** The verdicts by prototype, so that the text of a class is read once. */
const verdicts = new WeakMap<object, Copyable>();

/** Private state elsewhere, in a WeakMap or a closure, can't be detected: such an object counts as `"whole"`. */
export function copyable(object: object): Copyable {
  if (Array.isArray(object)) return "built-in";
  const prototype: unknown = Object.getPrototypeOf(object);
  if (!isObject(prototype) || prototype === Object.prototype) return "whole";
  let verdict = verdicts.get(prototype);
  if (verdict === undefined) verdicts.set(prototype, (verdict = copyableClass(prototype)));
  return verdict;
}

function copyableClass(prototype: object): Copyable {
  let verdict: Copyable = "whole";
  for (
    let one: unknown = prototype;
    isObject(one) && one !== Object.prototype;
    one = Object.getPrototypeOf(one)
  ) {
    const constructor: unknown = Object.getOwnPropertyDescriptor(one, "constructor")?.value;
    // The prototype is a plain object, given to Object.create.
    if (typeof constructor !== "function") continue;
    const text = Function.prototype.toString.call(constructor);
    if (PRIVATE_NAME.test(text)) verdict = "without-private";
    if (NATIVE_CODE.test(text) && !isPlainOfAnotherRealm(one, constructor.name)) return "built-in";
  }
  return verdict;
}

function isPlainOfAnotherRealm(prototype: object, name: string): boolean {
  return Object.getPrototypeOf(prototype) === null && name === "Object";
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}
