/** The sending side: a payload is checked as the receiver will read it, and then sent as it was given. */
import { isPromiseLike } from "../awaitable.ts";
import { invalidArgument } from "../errors.ts";
import type { StandardSchemaV1 } from "../schema.ts";
import { check } from "./check.ts";
import type { Verdict } from "./check.ts";
import { writeMessage } from "./envelope.ts";
import { MessageError } from "./errors.ts";

export class Outgoing {
  readonly text: string;
  readonly verdict: Verdict | Promise<Verdict>;
  readonly #name: string;

  /** Throws MessageError where JSON can't carry the payload. */
  constructor(name: string, schema: StandardSchemaV1, payload: unknown) {
    const { text, received } = writeMessage(name, payload);
    this.text = text;
    this.#name = name;
    this.verdict = check(schema, received);
  }

  /** Throws MessageError. */
  assertAccepted(verdict: Verdict): void {
    if (!verdict.accepted)
      throw new MessageError("INVALID_MESSAGE", this.#name, verdict.problem, verdict.cause);
  }

  /** For what answers at once. Throws MessageError, and INVALID_ARGUMENT where the schema answers with a promise. */
  assertNow(): void {
    const { verdict } = this;
    if (isPromiseLike(verdict))
      throw invalidArgument(
        `${this.#name} has an asynchronous schema: send it where a promise is returned, or use a synchronous one`,
      );
    this.assertAccepted(verdict);
  }
}

/** A promise that may be left alone: its rejection is told to whoever awaits it, and ends no process. */
export function harmless<Value>(promise: Promise<Value>): Promise<Value> {
  promise.catch(() => undefined);
  return promise;
}
