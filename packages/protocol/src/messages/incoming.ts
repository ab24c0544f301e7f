/** The receiving side: reads a message, and checks the payload against its schema. */
import { check } from "./check.ts";
import type { Verdict } from "./check.ts";
import type { Definition } from "./definition.ts";
import { readMessage } from "./envelope.ts";

export interface Incoming {
  /** `undefined` if the received data is not a message of this form. */
  readonly name: string | undefined;
  readonly verdict: Verdict | Promise<Verdict>;
}

export function readIncoming(definition: Definition, data: unknown): Incoming {
  const message = readMessage(data);
  if (message === undefined) return { name: undefined, verdict: NOT_A_MESSAGE };
  const { name, payload } = message;
  const schema = definition.get(name);
  return { name, verdict: schema === undefined ? UNDEFINED_NAME : check(schema, payload) };
}

const NOT_A_MESSAGE: Verdict = {
  accepted: false,
  problem: 'is not a JSON text ["name", payload]',
  cause: undefined,
};
const UNDEFINED_NAME: Verdict = {
  accepted: false,
  problem: "has a name that is not defined",
  cause: undefined,
};
