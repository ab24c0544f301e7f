import type { Reply } from "../connection/calls.ts";
import type { Caller } from "./caller.ts";
import { type Missing, missing, partsOf, unexpected } from "./reply.ts";

export type TakeOverReply = { readonly type: "taken"; readonly fence: number } | Missing;

/**
 * take-over.lua: raises a session's fence for an existing connection, and announces that to the other
 * holders.
 */
export function takeOver(
  { calls, keys, node }: Caller,
  { id, sequence }: { readonly id: string; readonly sequence: number },
): Promise<TakeOverReply> {
  return calls.timedScript("take-over", keys.session(id), [node, String(sequence)], readTakeOver);
}

function readTakeOver(reply: Reply, attempts: number): TakeOverReply {
  const { 0: code, 1: fence } = partsOf(reply);
  switch (code) {
    case "taken":
      return { type: code, fence: Number(fence) };
    case "missing":
    case "gone":
      return missing(code, attempts);
    default:
      throw unexpected();
  }
}
