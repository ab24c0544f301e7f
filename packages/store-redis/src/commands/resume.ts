import type { ResumeRequest, ResumeResult } from "@wsession/core";
import type { Reply } from "../connection/calls.ts";
import { deadlineText } from "../base/durations.ts";
import { parseSession } from "../base/record.ts";
import { type Caller, flagText } from "./caller.ts";
import { asArray, partsOf, unexpected, valueOf } from "./reply.ts";
import { changeOf, type StateChange } from "./state-change.ts";

export interface ResumeCommand {
  readonly request: ResumeRequest;
  readonly sequence: number;
  /** The number of connections of this process including this one, as `Recording.hold` writes it. */
  readonly hold: string;
  readonly deadline: number;
}

type Resumed = Extract<ResumeResult, { type: "resumed" }> & {
  /** The epoch of the subject when the session logged in; `undefined` for a session that only a shared index lists. */
  readonly loginEpoch: number | undefined;
  readonly change: StateChange | undefined;
};

/** `isRepeat`: the call was sent more than once, so an earlier attempt may have resumed the session. */
type Refused = Exclude<ResumeResult, { type: "resumed" }> & { readonly isRepeat: boolean };

export type ResumeReply = Resumed | Refused;

/**
 * resume.lua: checks the digest, then touches and loads the session and registers the holder, in one step. If
 * the session turns out to be unreadable, its deadline is restored, because an unreadable record must stay
 * unchanged.
 */
export async function resume(caller: Caller, command: ResumeCommand): Promise<ResumeReply> {
  const { calls, keys, node, doubts } = caller;
  const { request, sequence, hold, deadline } = command;
  const { id, digest, nextDigest, subject, idleMs, exclusive, touch } = request;
  const args = [
    node,
    String(sequence),
    digest ?? "",
    nextDigest ?? "",
    touch === false ? "" : deadlineText(idleMs),
    hold,
    flagText(exclusive),
  ];
  if (subject !== undefined) args.push(subject);
  let move: DeadlineMove | undefined;
  const read = (reply: Reply, attempts: number): ResumeReply => {
    try {
      return readResume(reply, attempts);
    } catch (error) {
      move = moveOf(reply);
      throw error;
    }
  };
  try {
    return await doubts.call(id, read, (noticing) =>
      calls.timedScript("resume", keys.session(id), args, noticing, deadline),
    );
  } catch (error) {
    if (move !== undefined)
      await calls.script("restore", [keys.session(id)], [move.now, move.before], deadline);
    throw error;
  }
}

function readResume(reply: Reply, attempts: number): ResumeReply {
  const { 0: code, 1: now, 2: by, 4: hash, 5: state, 6: stamp } = partsOf(reply);
  switch (code) {
    case "resumed": {
      if (by !== "current" && by !== "previous" && by !== "renewal" && by !== "none") throw unexpected();
      const session = parseSession(hash, now, "unknown");
      const change = changeOf(state, stamp, session.subject);
      return { type: code, session, by, loginEpoch: loginEpoch(hash), change };
    }
    case "missing":
    case "wrong":
    case "stolen":
    case "foreign":
      return { type: code, isRepeat: attempts > 1 };
    default:
      throw unexpected();
  }
}

function loginEpoch(hash: unknown): number | undefined {
  const fields = asArray(hash);
  return valueOf(fields, "u") === undefined ? undefined : Number(valueOf(fields, "e") ?? 0);
}

/** The idle deadline before and after a resume, as encoded in the metadata. */
interface DeadlineMove {
  readonly now: string;
  readonly before: string;
}

function moveOf(reply: Reply): DeadlineMove | undefined {
  const { 0: code, 3: before, 4: hash } = asArray(reply);
  if (code !== "resumed" || typeof before !== "string") return undefined;
  const metadata = valueOf(asArray(hash), "m");
  const now = typeof metadata === "string" ? metadata.split(" ").at(5) : undefined;
  return now === undefined || now === before ? undefined : { now, before };
}
