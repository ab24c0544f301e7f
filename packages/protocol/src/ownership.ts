/** A handle, or the sessions of a server: the owner of the promises that its calls return. */
export interface PromiseOwner {
  /** Makes a promise one of the owner's own: if the promise rejects and no code awaits it, the owner reports the error. */
  ownPromise<Value>(promise: Promise<Value>): Promise<Value>;
}

/**
 * Hands the promise to `target` if the target is a PromiseOwner. Otherwise an unawaited rejection is ignored, because an
 * `unhandledRejection` would end the process. In both cases a caller that awaits the promise gets the rejection.
 */
export function ownedBy<Value>(target: object, promise: Promise<Value>): Promise<Value> {
  return isOwner(target) ? target.ownPromise(promise) : withoutUnhandledRejection(promise);
}

function isOwner(target: object): target is PromiseOwner {
  return "ownPromise" in target && typeof target.ownPromise === "function";
}

/**
 * Returns the same promise. Its rejection no longer causes an `unhandledRejection`. A caller that awaits the promise still gets
 * the rejection.
 */
export function withoutUnhandledRejection<Value>(promise: Promise<Value>): Promise<Value> {
  promise.catch(() => undefined);
  return promise;
}
