/** `#name`, wherever it is: a colour in a string is taken for one too, which costs its class nothing but `patch`. */
const PRIVATE_NAME = /#[\p{ID_Start}$_\\]/u;
const NATIVE_CODE = /\{\s*\[native code\]\s*\}$/;

/** Which part of an object its own fields are. */
export type Copyable =
  /** All of it: `{ ...object }` with the same prototype is as good. */
  | "whole"
  /** Not its `#private` fields: a copy would have the class's methods without what these work on. */
  | "without-private"
  /** Nothing that counts: an array, a Map, a Date or another built-in. */
  | "built-in";

/** By prototype, because the text of a class is read once. */
const verdicts = new WeakMap<object, Copyable>();

/** A class that keeps private state elsewhere (in a WeakMap, in a closure) can't be told from one that keeps none. */
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
    // Object.create made it of a plain object.
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
