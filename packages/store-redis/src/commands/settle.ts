import type { Reply } from "../connection/calls.ts";
import type { Caller } from "./caller.ts";
import { partsOf } from "./reply.ts";

export interface SettleCommand {
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
export type SettleReply = "applied" | "not-applied" | undefined;

/** settle.lua: finds out whether a write or rotation was applied. If it was not, it never will be. */
export function settle({ calls, keys, node }: Caller, command: SettleCommand): Promise<SettleReply> {
  const { id, sequence, isTooOld, deadline } = command;
  const args = [node, String(sequence), isTooOld ? "1" : ""];
  return calls.timedScript("settle", keys.session(id), args, readSettle, deadline);
}

function readSettle(reply: Reply): SettleReply {
  const { 0: code } = partsOf(reply);
  return code === "applied" || code === "not-applied" ? code : undefined;
}
