import { invalidArgument } from "./errors.ts";

/** In the registry of symbols, so that every copy of this package has the same one. */
const BRAND: symbol = /* @__PURE__ */ Symbol.for("@wsession/protocol TransactionRefused");

/**
 * Thrown in a transaction: nothing is committed, and the client's `send` rejects with an error of the same code and detail.
 *
 * @throws a TypeError with the code INVALID_ARGUMENT where `code` or `message` is no string.
 * @example
 * throw new TransactionRefused("closed", { message: "the auction is over", detail: { at: 1 } });
 */
export class TransactionRefused<Code extends string = string, Detail = unknown> extends Error {
  override readonly name = "TransactionRefused";
  readonly code: Code;
  /** For the program of the client: what JSON can carry. `undefined` where none was given. */
  readonly detail: Detail;
  /** The message changed nothing, and never will: a refusal is as final as a commit. */
  readonly outcome = "not-applied";

  constructor(code: Code, options?: { readonly message?: string | undefined; readonly detail?: Detail }) {
    const { message = code, detail } = { ...options };
    if (typeof code !== "string" || code === "" || typeof message !== "string")
      throw invalidArgument("code and message must be of type string, and code not empty");
    super(message);
    this.code = code;
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- left out, it is undefined, which `Detail` includes then
    this.detail = detail as Detail;
    // Not enumerable: a logger that prints an error's properties has no use for it.
    Object.defineProperty(this, BRAND, { value: true });
  }
}

/**
 * Whether `error` is a TransactionRefused, of `code` where one is given; true across copies of this package.
 *
 * @throws a TypeError with the code INVALID_ARGUMENT where `code` is given and no string.
 */
export function isTransactionRefused<Code extends string = string>(
  error: unknown,
  code?: Code,
): error is TransactionRefused<Code> {
  if (code !== undefined && typeof code !== "string")
    throw invalidArgument("isTransactionRefused() takes a code of type string");
  if (typeof error !== "object" || error === null || !(BRAND in error)) return false;
  return code === undefined || ("code" in error && error.code === code);
}
