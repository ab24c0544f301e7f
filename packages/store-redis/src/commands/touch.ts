import type { OwnLifetimes } from "@wsession/core";
import type { Reply } from "../connection/calls.ts";
import { deadlineText, lifetimeText } from "../base/durations.ts";
import type { Caller } from "./caller.ts";
import { type Missing, missing, partsOf, unexpected } from "./reply.ts";

export interface TouchCommand {
  readonly id: string;
  /** Milliseconds; Infinity for never. */
  readonly idleMs: number;
  /** Milliseconds; Infinity for never, `undefined` to leave the absolute deadline. */
  readonly absoluteMs: number | undefined;
  /** Lifetimes that the session gets. */
  readonly own?: OwnLifetimes | undefined;
  /** Where the session has just been listed. */
  readonly listed: { readonly subject: string; readonly until: string } | undefined;
  readonly deadline: number;
}

export type TouchReply =
  | { readonly type: "touched" }
  | Missing
  /** The subject's index must first list the session until this server time; Infinity for ever. */
  | { readonly type: "index"; readonly subject: string; readonly until: number };

/** touch.lua: moves the deadlines of a session that exists. */
export function touch({ calls, keys, node }: Caller, command: TouchCommand): Promise<TouchReply> {
  const { id, idleMs, absoluteMs, own, listed, deadline } = command;
  const args = [
    deadlineText(idleMs),
    absoluteMs === undefined ? "" : deadlineText(absoluteMs),
    listed?.subject ?? "",
    listed?.until ?? "",
    node,
    lifetimeText(own?.idleMs),
    lifetimeText(own?.absoluteMs),
  ];
  return calls.timedScript("touch", keys.session(id), args, readTouch, deadline);
}

function readTouch(reply: Reply, attempts: number): TouchReply {
  const parts = partsOf(reply);
  const { 0: code, 1: subject, 2: until } = parts;
  switch (code) {
    case 1:
    case "1":
      return { type: "touched" };
    case "missing":
    case "gone":
      return missing(parts, attempts);
    case "index":
      return { type: "index", subject: String(subject), until: Number(until) || Number.POSITIVE_INFINITY };
    default:
      throw unexpected();
  }
}
