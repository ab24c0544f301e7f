/** Values, and promises of them. */
export type Awaitable<Value> = Value | Promise<Value> | PromiseLike<Value>;

/**
 * Thrown in a transaction: nothing is committed, and the client's `send` rejects with an error of the same class, code and
 * detail. `detail` travels as JSON.
 */
export class TransactionRefused<Code extends string = string, Detail = unknown> extends Error {
  override readonly name = "TransactionRefused";
  /** What the application calls this refusal. */
  readonly code: Code;
  /** What the application adds to it. */
  readonly detail: Detail | undefined;
  /** The message changed nothing, and never will: a refusal is as final as a commit. */
  readonly outcome = "not-applied";

  constructor(
    code: Code,
    options: { readonly message?: string | undefined; readonly detail?: Detail | undefined } = {},
  ) {
    super(options.message ?? code);
    this.code = code;
    this.detail = options.detail;
  }
}

/** Whether `error` is a TransactionRefused, of `code` where one is given; true across copies of this package. */
export function isTransactionRefused<Code extends string = string>(
  error: unknown,
  code?: Code,
): error is TransactionRefused<Code> {
  return (
    error instanceof Error &&
    error.name === "TransactionRefused" &&
    "code" in error &&
    (code === undefined || error.code === code)
  );
}
