import type { Reply } from "../connection/calls.ts";
import { optionalText } from "../base/optional-text.ts";
import { type HolderEntry, parseHolders } from "../base/record.ts";
import type { RaisedEpoch } from "./subject-index.ts";
import type { Caller } from "./caller.ts";
import { partsOf, unexpected } from "./reply.ts";

export interface DestroyCommand {
  readonly id: string;
  readonly sequence: number;
  readonly tombstoneMs: number;
  /**
   * `"wanted"`: this process has a function for the event `destroyed`. `"listed"`: it has none, and has listed the session for a
   * process with one. `"unlisted"`: it has none, and has not listed the session; the reply is `unlisted` if that is necessary.
   */
  readonly event: "wanted" | "listed" | "unlisted";
  /** The message for the holders. */
  readonly announcement: string;
  readonly reason: string | undefined;
  /** A newer login of the subject ends the session. */
  readonly isReplaced: boolean;
  /** Destroys the session only if it belongs to this subject; `undefined`: regardless of its subject. */
  readonly of: RaisedEpoch | undefined;
  readonly deadline: number;
}

export type DestroyReply =
  | {
      readonly type: "destroyed";
      readonly subject: string | undefined;
      readonly holders: readonly HolderEntry[];
      /** The session had kept messages. Their list still exists, but no command can read it. */
      readonly hadOutbox: boolean;
      /** The stamp of the session's absence, for the processes that watch the subject. */
      readonly stamp: number;
      /** The presence of the session was recorded. */
      readonly wasRecorded: boolean;
    }
  /** Another process has a function for the event, so the session must be listed first. Nothing has changed. */
  | { readonly type: "unlisted" }
  | { readonly type: "missing" }
  /** The session does not exist, and its creation with this subject will be refused. */
  | { readonly type: "denied" }
  /** The session has another subject, or none. */
  | { readonly type: "other" }
  /** The session got the subject by a login that began after the destruction. */
  | { readonly type: "newer" };

/** destroy.lua: replaces a session by a tombstone, and announces that to its holders. */
export async function destroy(
  { calls, keys, node, doubts }: Caller,
  command: DestroyCommand,
): Promise<DestroyReply> {
  const { id, sequence, tombstoneMs, event, announcement, reason, of, deadline, isReplaced } = command;
  const tombstone = `${tombstoneMs}${{ wanted: ";", listed: ",", unlisted: "" }[event]}`;
  const why = reason === undefined ? ["", ""] : [isReplaced ? "2" : "1", reason];
  const whose = of === undefined ? ["", "", "", ""] : ["1", of.subject, of.hash, String(of.epoch)];
  const args = [node, String(sequence), tombstone, announcement, ...why, ...whose];
  const reply = await doubts.call(id, readDestroy, (noticing) =>
    calls.timedScript("destroy", keys.session(id), args, noticing, deadline),
  );
  // A separate command, because Redis would refuse a script with a missing list while the slot migrates. Do not await it: without
  // its session no command reads the list (I18), and the list expires.
  if (reply.type === "destroyed" && reply.hadOutbox)
    calls.command("unlink", [keys.outbox(id)]).catch(() => undefined);
  return reply;
}

function readDestroy(reply: Reply): DestroyReply {
  const { 0: code, 1: subject, 2: holders, 3: outbox, 4: stamp, 5: recorded } = partsOf(reply);
  switch (code) {
    case "destroyed":
      return {
        type: "destroyed",
        subject: optionalText(subject),
        holders: parseHolders(holders),
        hadOutbox: outbox === "1",
        stamp: Number(stamp),
        wasRecorded: recorded === "1",
      };
    case "unlisted":
    case "missing":
    case "denied":
    case "other":
    case "newer":
      return { type: code };
    default:
      throw unexpected();
  }
}
