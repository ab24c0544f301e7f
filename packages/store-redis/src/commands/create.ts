import type { CreateRequest, CreateResult } from "@wsession/core";
import type { EncodedData } from "../base/codec.ts";
import { deadlineText, lifetimeText } from "../base/durations.ts";
import { parseSession } from "../base/record.ts";
import type { Listing } from "./subject-index.ts";
import { type Caller, flagText, newLineage } from "./caller.ts";
import { asArray, partsOf, unexpected, valueOf } from "./reply.ts";
import { parsePresence } from "../base/presence-record.ts";
import { changeOf, type StateChange } from "./state-change.ts";

export interface CreateCommand {
  readonly request: CreateRequest;
  readonly encoded: EncodedData;
  readonly sequence: number;
  /** The number of connections of this process including this one, as `Recording.hold` writes it. */
  readonly hold: string;
  /** The entry in the subject's index; `undefined` without a subject. */
  readonly listing: Listing | undefined;
  readonly deadline: number;
}

/** `isRepeat`: the call was sent more than once, so an earlier attempt may have created the session. */
export type CreateReply = CreateResult & {
  readonly isRepeat: boolean;
  readonly change?: StateChange | undefined;
};

/** create.lua: creates a session unless its id is taken. */
export function create({ calls, keys, node, doubts }: Caller, command: CreateCommand): Promise<CreateReply> {
  const { request, encoded, sequence, hold, listing, deadline } = command;
  const { id, subject, digest, idleMs, absoluteMs } = request;
  const whose =
    subject === undefined || listing === undefined ? ["", "", ""] : ["1", subject, String(listing.epoch)];
  const args = [
    node,
    String(sequence),
    digest ?? "",
    deadlineText(idleMs),
    deadlineText(absoluteMs),
    String(request.schemaVersion),
    ...whose,
    hold,
    flagText(request.exclusive),
    String(encoded.bytes),
    String(newLineage()),
    listing?.until ?? "",
    lifetimeText(request.own?.idleMs),
    lifetimeText(request.own?.absoluteMs),
    ...encoded.fields,
  ];
  return doubts.call(id, readCreate, (noticing) =>
    calls.timedScript("create", keys.session(id), args, noticing, deadline),
  );
}

function readCreate(reply: unknown, attempts: number): CreateReply {
  const { 0: code, 1: now, 2: hash } = partsOf(reply);
  switch (code) {
    case "created": {
      const session = parseSession(hash, now, "unknown");
      const presence = parsePresence(valueOf(asArray(hash), "p"));
      const isThere = presence !== undefined && presence.away === 0;
      const change = isThere ? changeOf("online", presence.stamp, session.subject) : undefined;
      return { type: "created", session, isRepeat: false, change };
    }
    case "exists":
      return { type: code, isRepeat: attempts > 1 };
    case "revoked":
      return { type: code, isRepeat: false };
    default:
      throw unexpected();
  }
}
