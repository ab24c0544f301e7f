import type { Reply } from "../connection/calls.ts";
import { type Caller, flagText } from "./caller.ts";
import { partsOf } from "./reply.ts";

export interface OutcomeCommand {
  readonly id: string;
  /** The sequence of the write in question. */
  readonly sequence: number;
  /** The record of the write has expired. */
  readonly isTooOld: boolean;
  readonly deadline: number;
}

/**
 * `undefined`: unknown, because a later write replaced the record, the session ended, or the record expired.
 */
export type OutcomeReply = "applied" | "not-applied" | undefined;

/** outcome.lua: finds out whether a write or rotation was applied. If it was not, it never will be. */
export function findOutcome({ calls, keys, node }: Caller, command: OutcomeCommand): Promise<OutcomeReply> {
  const { id, sequence, isTooOld, deadline } = command;
  const args = [node, String(sequence), flagText(isTooOld)];
  return calls.timedScript("outcome", keys.session(id), args, readOutcome, deadline);
}

function readOutcome(reply: Reply): OutcomeReply {
  const { 0: code } = partsOf(reply);
  return code === "applied" || code === "not-applied" ? code : undefined;
}
