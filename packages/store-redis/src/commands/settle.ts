import type { Reply } from "../connection/calls.ts";
import type { Caller } from "./caller.ts";
import { partsOf } from "./reply.ts";

export interface SettleCommand {
  readonly id: string;
  /** Of the write that is asked about. */
  readonly sequence: number;
  /** The record of the write is gone by now. */
  readonly isTooOld: boolean;
  readonly deadline: number;
}

/** `undefined`: overtaken, gone or forgotten. */
export type SettleReply = "applied" | "not-applied" | undefined;

/** settle.lua: says whether a write or rotation was applied, and makes sure that the answer stays true. */
export function settle({ calls, keys, node }: Caller, command: SettleCommand): Promise<SettleReply> {
  const { id, sequence, isTooOld, deadline } = command;
  const args = [node, String(sequence), isTooOld ? "1" : ""];
  return calls.timedScript("settle", keys.session(id), args, readSettle, deadline);
}

function readSettle(reply: Reply): SettleReply {
  const { 0: code } = partsOf(reply);
  return code === "applied" || code === "not-applied" ? code : undefined;
}
