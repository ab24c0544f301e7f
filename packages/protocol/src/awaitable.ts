/**
 * A value, or a promise of it. Not with `Promise<T>` beside `PromiseLike<T>`: of a parameter `T | PromiseLike<T>`, which a store
 * that wraps another one may have, the compiler would infer the promise for `T`.
 */
export type Awaitable<T> = T | PromiseLike<T>;

/** Whether a value is a promise of any make. */
export function isPromiseLike<T>(value: T | PromiseLike<T>): value is PromiseLike<T> {
  return typeof value === "object" && value !== null && "then" in value && typeof value.then === "function";
}
