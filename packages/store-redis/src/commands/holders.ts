import type { Calls, Reply } from "../connection/calls.ts";
import type { Keys } from "../base/keys.ts";
import type { HolderEntry } from "../base/record.ts";
import type { Caller } from "./caller.ts";
import { partsOf, unexpected } from "./reply.ts";
import { changeOf, type StateChange } from "./state-change.ts";

export interface SetHolderCommand {
  readonly id: string;
  readonly sequence: number;
  /** The absolute number of connections of this process, as `Recording.hold` writes it. */
  readonly hold: string;
}

/** `held`: the metadata and the outbox of the session, as the hash stores them. `gone`: the session does not exist. */
export type SetHolderReply =
  | {
      readonly type: "held";
      readonly metadata: unknown;
      readonly outbox: unknown;
      readonly change: StateChange | undefined;
    }
  | { readonly type: "gone" };

/** set-holder.lua: sets the number of connections of a process to the session. */
export function setHolder(
  { calls, keys, node, doubts }: Caller,
  { id, sequence, hold }: SetHolderCommand,
): Promise<SetHolderReply> {
  return doubts.call(id, readSetHolder, (noticing) =>
    calls.timedScript("set-holder", keys.session(id), [node, String(sequence), hold], noticing),
  );
}

function readSetHolder(reply: Reply): SetHolderReply {
  const { 0: code, 1: metadata, 2: outbox, 3: state, 4: stamp, 5: subject } = partsOf(reply);
  switch (code) {
    case "held":
      return { type: "held", metadata, outbox, change: changeOf(state, stamp, subject) };
    case "gone":
    case "missing":
      return { type: "gone" };
    default:
      throw unexpected();
  }
}

/** remove-holders.lua: removes the entries of dead processes from a session, if they are unchanged. */
export async function removeHolders(
  { calls, keys }: { readonly calls: Pick<Calls, "script">; readonly keys: Keys },
  id: string,
  dead: readonly HolderEntry[],
): Promise<void> {
  await calls.script(
    "remove-holders",
    [keys.session(id)],
    dead.map(({ entry }) => entry),
  );
}
