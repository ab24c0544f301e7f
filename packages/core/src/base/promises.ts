/** Promises of any make: what a callback returned need not be one of ours. */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && "then" in value && typeof value.then === "function";
}

/** What a handler returned, if it has to be waited for. */
export function promiseOf(result: unknown): Promise<unknown> | undefined {
  if (result instanceof Promise) return result;
  return isThenable(result) ? Promise.resolve(result) : undefined;
}

/** For what nobody waits for: the rejection of a promise among it would end the process (I12). */
export function disregard(result: unknown): void {
  promiseOf(result)?.catch(() => undefined);
}

/**
 * Whether a callback that has to be synchronous answered with a promise. Such a promise is refused, so nobody waits for
 * it: its rejection is caught here, or it would end the process (I12).
 */
export function isRefusedPromise(value: unknown): boolean {
  if (!isThenable(value)) return false;
  Promise.resolve(value).catch(() => undefined);
  return true;
}
