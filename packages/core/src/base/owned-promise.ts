/** Who is given a rejection that the application does not handle. */
export interface RejectionOwner {
  /** Must not throw. */
  unhandled(error: unknown): void;
}

/**
 * A promise whose unhandled rejection goes to its owner. With a native promise it would be an `unhandledRejection`, which
 * ends the process and with it every other connection (I12).
 *
 * A promise that is awaited, or has a handler for its rejection, behaves as a native one. `then` is how the promise learns
 * of that: `await` calls it, because the class is not `Promise` itself. What `then` without a second handler and `finally`
 * return passes the rejection on, so the owner stays responsible for that too.
 */
export class OwnedPromise<Value> extends Promise<Value> {
  /** What `then` returns is a native promise, which costs less. */
  static override get [Symbol.species](): PromiseConstructor {
    return Promise;
  }

  owner: RejectionOwner | undefined = undefined;
  isHandled = false;

  // oxlint-disable-next-line unicorn/no-thenable -- it is a promise
  override then<Fulfilled = Value, Rejected = never>(
    onFulfilled?: ((value: Value) => Fulfilled | PromiseLike<Fulfilled>) | null,
    onRejected?: ((reason: unknown) => Rejected | PromiseLike<Rejected>) | null,
  ): Promise<Fulfilled | Rejected> {
    this.isHandled = true;
    const next = super.then(onFulfilled, onRejected);
    return typeof onRejected === "function" ? next : owned(next, this.owner);
  }

  override finally(onFinally?: (() => void) | null): Promise<Value> {
    this.isHandled = true;
    return owned(super.finally(onFinally), this.owner);
  }

  /** Rejects by `reject`, the executor's own. Node reports an unhandled rejection before the timers' turn; so does this. */
  fail(reject: (error: unknown) => void, error: unknown): void {
    // Without a handler Node would end the process before it is known whether the application adds one.
    super.then(undefined, ignore);
    reject(error);
    setImmediate(() => {
      if (!this.isHandled) this.owner?.unhandled(error);
    });
  }
}

/** `promise`, with an owner for its rejection. */
export function owned<Value>(promise: Promise<Value>, owner: RejectionOwner | undefined): Promise<Value> {
  const result = new OwnedPromise<Value>((resolve, reject) => {
    promise.then(resolve, (error: unknown) => result.fail(reject, error));
  });
  result.owner = owner;
  return result;
}

function ignore(): void {}
