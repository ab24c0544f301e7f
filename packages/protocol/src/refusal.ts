import { invalidArgument } from "./errors.ts";

/** A registered symbol, so that every copy of this package has the same symbol. */
const BRAND: symbol = Symbol.for("@wsession/protocol TransactionRefused");

/**
 * An error that a handler throws to refuse a transaction. Nothing is committed. The client's `send` rejects with an error of
 * the same code and detail.
 *
 * The client gets a code of up to 128 characters, a message of up to 512, and all of it with the detail in up to 1,024 characters
 * of JSON. A part that is longer, or that JSON can't represent, is left out, and the server's `onError` gets a report of that.
 *
 * @throws a TypeError with the code INVALID_ARGUMENT if `code` is empty, if `code` or `message` is not a string, or if `options` is not
 * an object or has an unknown member.
 * @example
 * throw new TransactionRefused("closed", { message: "the auction is over", detail: { at: 1 } });
 */
export class TransactionRefused<Code extends string = string, Detail = unknown> extends Error {
  /** Always "TransactionRefused", also where two copies of this package make `instanceof` fail. */
  override readonly name = "TransactionRefused";
  /** The application's own code, which the client gets. */
  declare readonly code: Code;
  /** Data for the client's program, which JSON must be able to represent. `undefined` if none was given. */
  declare readonly detail: Detail;
  /** The message changed nothing, and never will, because a refusal is final. */
  declare readonly outcome: "not-applied";

  constructor(code: Code, options: { readonly message?: string | undefined; readonly detail?: Detail } = {}) {
    const { message = code, detail, ...unknown } = { ...options };
    // Without this check a text in place of the options would get lost.
    if (Object.prototype.toString.call(options) !== "[object Object]" || Object.keys(unknown).length > 0)
      throw invalidArgument("options must be { message, detail }");
    if (typeof code !== "string" || !code || typeof message !== "string")
      throw invalidArgument("code and message must be of type string, and code not empty");
    super(message);
    this.code = code;
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- left out, it is undefined, which `Detail` includes then
    this.detail = detail as Detail;
    this.outcome = "not-applied";
    // Not enumerable, so that loggers do not print the brand.
    Object.defineProperty(this, BRAND, { value: true });
  }
}

/**
 * Whether `error` is a TransactionRefused, with `code` if a code is given. Works across copies of this package.
 *
 * @throws a TypeError with the code INVALID_ARGUMENT if `code` is given and not a string.
 */
export function isTransactionRefused<Code extends string = string>(
  error: unknown,
  code?: Code,
): error is TransactionRefused<Code> {
  if (code !== undefined && typeof code !== "string")
    throw invalidArgument("isTransactionRefused() takes a code of type string");
  try {
    if (typeof error !== "object" || error === null || !(BRAND in error) || !("code" in error)) return false;
    return code === undefined ? typeof error.code === "string" : error.code === code;
  } catch {
    // A getter or a proxy of the application's error threw.
    return false;
  }
}
