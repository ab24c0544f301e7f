import type { Position, RotateRequest, RotateResult } from "@wsession/core";
import type { Reply } from "../connection/calls.ts";
import { durationText } from "../base/durations.ts";
import { optionalText } from "../base/optional-text.ts";
import { parseSession } from "../base/record.ts";
import { type Caller, flagText, newLineage, optional } from "./caller.ts";
import { asVersion, type Missing, missing, partsOf, unexpected } from "./reply.ts";

/** The subject that the session gets, and its entry in the subject's index. */
export interface NewSubject {
  readonly subject: string;
  readonly hash: string;
  readonly epoch: number;
  /** In the format of field `u`. */
  readonly until: string;
  /** Whether presence is recorded, so that the reply has to name the former subject. */
  readonly isRecorded: boolean;
}

export interface RotateCommand {
  readonly request: RotateRequest;
  readonly sequence: number;
  /** `undefined` leaves the session's subject. */
  readonly becomes: NewSubject | undefined;
  readonly deadline: number;
}

/** A session with another subject, while presence is recorded. */
export interface MovedPresence {
  readonly from: string | undefined;
  readonly hash: unknown;
}

export type RotateReply =
  | (Exclude<RotateResult, { type: "missing" }> & { readonly moved?: MovedPresence | undefined })
  | Missing
  /** The subject's index must first list the session until this server time; Infinity for ever. */
  | { readonly type: "index"; readonly until: number };

/** rotate.lua: replaces the verifier's digest. With a subject, also sets the session's subject. */
export function rotate({ calls, keys, node, doubts }: Caller, command: RotateCommand): Promise<RotateReply> {
  const { request, sequence, becomes, deadline } = command;
  const { id, digest, renewalDigest, renewalMs, graceMs, fence, known, lineage } = request;
  const nextLineage = newLineage();
  const whose =
    becomes === undefined
      ? ["", "", "", "", ""]
      : [becomes.isRecorded ? "2" : "1", becomes.subject, becomes.hash, String(becomes.epoch), becomes.until];
  const args = [
    node,
    String(sequence),
    digest,
    renewalDigest,
    durationText(renewalMs),
    durationText(graceMs),
    ...whose,
    optional(fence),
    String(known),
    optional(lineage),
    String(nextLineage),
    flagText(request.onlyUnowned === true),
    request.replaces ?? "",
  ];
  const rotatedLineage = becomes === undefined || lineage === undefined ? lineage : nextLineage;
  const read = (reply: Reply, attempts: number): RotateReply => readRotate(reply, attempts, rotatedLineage);
  return doubts.call(id, read, (noticing) =>
    calls.timedScript("rotate", keys.session(id), args, noticing, deadline),
  );
}

/** `lineage` is the lineage of the version after the caller's known version. */
function readRotate(reply: Reply, attempts: number, lineage: number | undefined): RotateReply {
  const version = asVersion(reply);
  if (version !== undefined) return { type: "rotated", version, lineage, session: undefined };
  const parts = partsOf(reply);
  const { 0: code, 1: first, 2: second, 3: third, 4: former, 5: isNext, 6: passedOn } = parts;
  switch (code) {
    case "rotated":
      if (isNext !== undefined) {
        const moved = { from: optionalText(former), hash: third };
        const passedOnAt = readPosition(passedOn);
        const common = { type: "rotated", version: Number(first), moved, passedOnAt } as const;
        if (Number(isNext) === 1) return { ...common, lineage, session: undefined };
        return { ...common, session: parseSession(third, second, "unknown") };
      }
      return { type: "rotated", version: Number(first), session: parseSession(third, second, "unknown") };
    case "index":
      return { type: "index", until: Number(first) || Number.POSITIVE_INFINITY };
    case "missing":
    case "gone":
      return missing(parts, attempts);
    case "fenced":
    case "foreign":
    case "revoked":
      return { type: code };
    default:
      throw unexpected();
  }
}

/** Reads `offset chain`. */
function readPosition(text: unknown): Position | undefined {
  if (typeof text !== "string") return undefined;
  const [offset, chain] = text.split(" ").map(Number);
  return { offset: offset ?? 0, chain: chain ?? 0 };
}
