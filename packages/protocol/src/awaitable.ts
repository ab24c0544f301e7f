/**
 * A value, or a promise of the value. The union must not include `Promise<T>` too. A store that wraps another store may pass an
 * argument of the type `T | PromiseLike<T>`. From this argument the compiler would then infer a promise for `T`.
 */
export type Awaitable<T> = T | PromiseLike<T>;

/** Whether a value is a promise of any class. */
export function isPromiseLike<T>(value: T | PromiseLike<T>): value is PromiseLike<T> {
  return typeof value === "object" && value !== null && "then" in value && typeof value.then === "function";
}
