/**
 * Whether a callback that has to be synchronous answered with a promise. Such a promise is refused, so nobody waits for
 * it: its rejection is caught here, or it would end the process (I12).
 */
export function isRefusedPromise(value: unknown): boolean {
  if (typeof value !== "object" || value === null || !("then" in value)) return false;
  if (typeof value.then !== "function") return false;
  Promise.resolve(value).catch(() => undefined);
  return true;
}
