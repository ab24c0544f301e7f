/** The receiver of a rejection that the application does not handle. */
export interface RejectionOwner {
  /** Must not throw. */
  unhandled(error: unknown): void;
}

/**
 * A promise whose unhandled rejection goes to its owner. The unhandled rejection of a native promise is an
 * `unhandledRejection`, which ends the process and with it every other connection (I12).
 *
 * A promise that is awaited, or that has a handler for its rejection, behaves as a native one. `then` marks the promise as
 * handled; `await` calls `then`, because the class is not `Promise` itself. The promises that `finally`, and `then` without
 * a second handler, return pass the rejection on, so they have the same owner.
 */
export class OwnedPromise<Value> extends Promise<Value> {
  /** Makes `then` return a native promise, which costs less. */
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

  /**
   * Rejects the promise. `reject` is the function that the executor got. The owner is called at the time at which Node would
   * report an unhandled rejection: before timers run.
   */
  fail(reject: (error: unknown) => void, error: unknown): void {
    // Without this handler Node ends the process before the application can add one.
    super.then(undefined, ignore);
    reject(error);
    setImmediate(() => {
      if (!this.isHandled) this.owner?.unhandled(error);
    });
  }
}

/** A promise with an owner that is settled from outside. This is one promise; an async function would cost two more. */
export class OwnedResult<Value> {
  readonly promise: OwnedPromise<Value>;
  #resolve: (value: Value) => void = ignore;
  #reject: (error: unknown) => void = ignore;

  constructor(owner: RejectionOwner | undefined) {
    this.promise = new OwnedPromise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.promise.owner = owner;
  }

  resolve(value: Value): void {
    this.#resolve(value);
  }

  reject(error: unknown): void {
    this.promise.fail(this.#reject, error);
  }
}

/** The same promise with an owner for its rejection. */
export function owned<Value>(promise: Promise<Value>, owner: RejectionOwner | undefined): Promise<Value> {
  const result = new OwnedPromise<Value>((resolve, reject) => {
    promise.then(resolve, (error: unknown) => result.fail(reject, error));
  });
  result.owner = owner;
  return result;
}

function ignore(): void {}
