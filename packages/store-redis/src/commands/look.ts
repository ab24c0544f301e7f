import type { SessionEventType } from "@wsession/core";
import type { Reply } from "../connection/calls.ts";
import { optionalText } from "../base/optional-text.ts";
import { type HolderEntry, parseHolders } from "../base/record.ts";
import { type Caller, flagText } from "./caller.ts";
import { partsOf, unexpected } from "./reply.ts";
import { changeOf, type StateChange } from "./state-change.ts";

export interface LookCommand {
  readonly id: string;
  readonly claimMs: number;
  readonly leaveMs: number;
  readonly wanted: ReadonlySet<SessionEventType>;
  /** Processes without a lease. */
  readonly lost: Iterable<string>;
  /** By the server's clock; no session leaves before this time. */
  readonly earliestLeave: number;
  /** The event that this process has handled. */
  readonly handled: { readonly type: SessionEventType; readonly at: number } | undefined;
  readonly tombstoneMs: number;
  /** Whether a check has found a lease of one of the holders. */
  readonly isHolderAlive: boolean;
}

export type LookReply = { readonly change: StateChange | undefined } & (
  | {
      readonly type: "event";
      readonly event: SessionEventType;
      readonly at: number;
      readonly subject: string | undefined;
    }
  /** `at`: the time of the next look, by the server's clock; 0 for none. `own`: this process has connections. */
  | { readonly type: "wait" | "own"; readonly at: number }
  /** The event waits for a process with a function for it. This process has none. `at`: as above. */
  | { readonly type: "unwanted"; readonly event: SessionEventType; readonly at: number }
  /** Only other processes have connections. */
  | { readonly type: "held"; readonly holders: readonly HolderEntry[] }
  /** As `held`, but according to the record the session is away. */
  | { readonly type: "doubtful"; readonly holders: readonly HolderEntry[] }
  | { readonly type: "gone" }
);

/** look.lua: looks at a session whose presence is recorded, and claims an event that has to be handled. */
export function look({ calls, keys, node, doubts }: Caller, command: LookCommand): Promise<LookReply> {
  const { id, claimMs, leaveMs, wanted, lost, earliestLeave, handled, tombstoneMs, isHolderAlive } = command;
  const letters = [...wanted].map((type) => type.charAt(0)).join("");
  const args = [
    node,
    String(claimMs),
    String(leaveMs),
    letters,
    `,${[...lost].join(",")},`,
    String(Math.ceil(earliestLeave)),
    handled === undefined ? "" : `${handled.type} ${handled.at}`,
    String(tombstoneMs),
    flagText(isHolderAlive),
  ];
  return doubts.call(id, readLook, (noticing) =>
    calls.script("look", [keys.session(id)], args, calls.deadline(), noticing),
  );
}

function readLook(reply: Reply): LookReply {
  const { 0: code, 1: time, 2: event, 3: owner, 4: state, 5: stamp } = partsOf(reply);
  const at = Number(time);
  const subject = optionalText(owner);
  const change = changeOf(state, stamp, owner);
  switch (code) {
    case "event":
    case "unwanted":
      if (event !== "left" && event !== "expired" && event !== "destroyed") throw unexpected();
      return { type: code, event, at, subject, change };
    case "wait":
    case "own":
      return { type: code, at, change };
    case "held":
    case "doubtful":
      return { type: code, holders: parseHolders(event), change };
    case "gone":
      return { type: code, change };
    default:
      throw unexpected();
  }
}
