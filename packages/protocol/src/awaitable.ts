/**
 * A value, or a promise of the value. The union must not include `Promise<T>` too, because then the compiler would infer a promise
 * for `T` from an argument of the type `T | PromiseLike<T>`, which a store that wraps another store may pass.
 */
export type Awaitable<T> = T | PromiseLike<T>;

/** Whether a value is a promise of any class. */
export function isPromiseLike<T>(value: T | PromiseLike<T>): value is PromiseLike<T> {
  return typeof value === "object" && value !== null && "then" in value && typeof value.then === "function";
}
