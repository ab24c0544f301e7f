/** The receiving side: what came, and what its schema says of it. */
import { check } from "./check.ts";
import type { Verdict } from "./check.ts";
import type { Definition } from "./definition.ts";
import { readMessage } from "./envelope.ts";

export interface Incoming {
  /** `undefined`: it is no message of this form. */
  readonly name: string | undefined;
  readonly verdict: Verdict | Promise<Verdict>;
}

export function readIncoming(definition: Definition, data: unknown): Incoming {
  const message = readMessage(data);
  if (message === undefined) return { name: undefined, verdict: NO_MESSAGE };
  const { name, payload } = message;
  const schema = definition.get(name);
  return { name, verdict: schema === undefined ? NO_SUCH_NAME : check(schema, payload) };
}

const NO_MESSAGE: Verdict = {
  accepted: false,
  problem: 'is no JSON text ["name", payload]',
  cause: undefined,
};
const NO_SUCH_NAME: Verdict = {
  accepted: false,
  problem: "has a name that no message has",
  cause: undefined,
};
