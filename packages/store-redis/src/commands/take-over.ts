import type { Reply } from "../connection/calls.ts";
import type { Caller } from "./caller.ts";
import { type Missing, missing, partsOf, unexpected } from "./reply.ts";

export type TakeOverReply =
  | { readonly type: "taken"; readonly fence: number }
  | { readonly type: "replaced"; readonly fence: number }
  | Missing;

/** The part of a takeover of a subject that concerns one session. */
export interface SubjectSeat {
  /** `"own"`: the session that takes the subject over; `"keep"`: the same, without a new fence; `"other"`: one of the subject's other sessions. */
  readonly mode: "own" | "keep" | "other";
  readonly seat: string;
  readonly hash: string;
  readonly subject: string;
}

/**
 * take-over.lua: raises a session's fence for an existing connection, and announces that to the other
 * holders. `of`: as a part of a takeover of the session's subject.
 */
export function takeOver(
  { calls, keys, node }: Caller,
  { id, sequence, of }: { readonly id: string; readonly sequence: number; readonly of?: SubjectSeat },
): Promise<TakeOverReply> {
  const seat = of === undefined ? ["", "", "", ""] : [of.mode, of.seat, of.hash, of.subject];
  return calls.timedScript("take-over", keys.session(id), [node, String(sequence), ...seat], readTakeOver);
}

function readTakeOver(reply: Reply, attempts: number): TakeOverReply {
  const parts = partsOf(reply);
  const { 0: code, 1: fence } = parts;
  switch (code) {
    case "taken":
    case "replaced":
      return { type: code, fence: Number(fence) };
    case "missing":
    case "gone":
      return missing(parts, attempts);
    default:
      throw unexpected();
  }
}
