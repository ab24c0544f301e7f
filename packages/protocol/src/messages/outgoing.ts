/** The sending side: checks a payload in the form that the receiver reads, and sends the payload as given. */
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

  /** Throws MessageError if JSON can't represent the payload. */
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

  /** For a synchronous caller. Throws MessageError, or INVALID_ARGUMENT if the schema is asynchronous. */
  assertAcceptedNow(): void {
    const { verdict } = this;
    if (isPromiseLike(verdict))
      throw invalidArgument(
        `${this.#name} has an asynchronous schema: send it where a promise is returned, or use a synchronous one`,
      );
    this.assertAccepted(verdict);
  }
}
