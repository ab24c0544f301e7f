/** Named refusals: the server creates them, and the caller of `send` distinguishes them. */
import { invalidArgument } from "../errors.ts";
import { isTransactionRefused, TransactionRefused } from "../refusal.ts";
import { check } from "./check.ts";
import { assertNoMore, byName } from "./definition.ts";
import type { Definition } from "./definition.ts";
import { Outgoing } from "./outgoing.ts";

export class NamedRefusals {
  readonly refuse: Readonly<Record<string, (detail?: unknown) => TransactionRefused>>;
  readonly #definition: Definition;
  /** Refusals whose detail is the output of the schema. */
  readonly #read = new WeakSet<TransactionRefused>();

  constructor(definition: Definition) {
    this.#definition = definition;
    this.refuse = byName(definition, (name, schema) => (detail, surplus?: unknown) => {
      assertNoMore(name, surplus);
      new Outgoing(name, schema, detail).assertAcceptedNow();
      return new TransactionRefused(name, { detail });
    });
  }

  /** Converts the error of the client's `send`. If it is one of these refusals, its detail becomes the output of the schema. */
  received(error: unknown): unknown {
    if (!isTransactionRefused(error)) return error;
    const output = this.#outputOf(error);
    if (output === undefined) return error;
    const read = new TransactionRefused(error.code, { message: error.message, detail: output.value });
    this.#read.add(read);
    return read;
  }

  /** Throws INVALID_ARGUMENT for a name without a definition. */
  is(error: unknown, name: string): boolean {
    if (typeof name !== "string") throw invalidArgument("isRefused() takes a name of type string");
    if (!this.#definition.has(name))
      throw invalidArgument(`isRefused() takes the name of a defined refusal, not ${JSON.stringify(name)}`);
    if (!isTransactionRefused(error, name)) return false;
    if (this.#read.has(error)) return true;
    // The error has another origin. If the schema would change its detail, the detail does not have the declared type.
    const output = this.#outputOf(error);
    return output !== undefined && isSame(output.value, error.detail);
  }

  #outputOf({ code, detail }: TransactionRefused): { readonly value: unknown } | undefined {
    const schema = this.#definition.get(code);
    const verdict = schema === undefined ? undefined : check(schema, detail);
    return verdict !== undefined && "accepted" in verdict && verdict.accepted ? verdict : undefined;
  }
}

/** Whether two JSON values are equal. Other values, such as a Date, are compared by identity. */
function isSame(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (!isJson(a) || !isJson(b) || Array.isArray(a) !== Array.isArray(b)) return false;
  const names = Object.keys(a);
  return (
    names.length === Object.keys(b).length &&
    names.every((name) => Object.hasOwn(b, name) && isSame(Reflect.get(a, name), Reflect.get(b, name)))
  );
}

function isJson(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === Array.prototype || prototype === null;
}
