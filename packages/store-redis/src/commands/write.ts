import type { WriteRequest, WriteResult } from "@wsession/core";
import type { Reply } from "../connection/calls.ts";
import type { EncodedChange } from "../base/codec.ts";
import { parseSession } from "../base/record.ts";
import { ANNOUNCED_BYTES, type Caller, newLineage, optional } from "./caller.ts";
import { asVersion, type Missing, missing, partsOf, unexpected } from "./reply.ts";

export interface WriteCommand {
  readonly request: Omit<WriteRequest, "change">;
  readonly encoded: EncodedChange;
  readonly sequence: number;
  readonly maxBytes: number;
  readonly deadline: number;
}

export type WriteReply = Exclude<WriteResult, { type: "missing" }> | Missing;

/** write.lua: changes fields of a session that exists, once. */
export function write({ calls, keys, node }: Caller, command: WriteCommand): Promise<WriteReply> {
  const { request, encoded, sequence, maxBytes, deadline } = command;
  const { id, expect, known, lineage, fence, schemaVersion } = request;
  const nextLineage = newLineage();
  const args = [
    node,
    String(sequence),
    optional(expect),
    String(known),
    optional(lineage),
    String(nextLineage),
    optional(fence),
    String(schemaVersion),
    String(maxBytes),
    ANNOUNCED_BYTES,
    encoded.mode,
    String(encoded.set.length / 2),
  ].concat(encoded.set, encoded.unset);
  // A caller without a lineage compares versions alone.
  const writtenLineage = lineage === undefined ? undefined : nextLineage;
  const read = (reply: Reply, attempts: number): WriteReply => readWrite(reply, attempts, writtenLineage);
  return calls.timedScript("write", keys.session(id), args, read, deadline);
}

/** `lineage` is the lineage of the version after the caller's known version. */
function readWrite(reply: Reply, attempts: number, lineage: number | undefined): WriteReply {
  const version = asVersion(reply);
  if (version !== undefined) return { type: "written", version, lineage, session: undefined };
  const parts = partsOf(reply);
  const { 0: code, 1: first, 2: second, 3: third } = parts;
  switch (code) {
    case "written":
      return { type: "written", version: Number(first), session: parseSession(third, second, "unknown") };
    case "conflict":
      return { type: "conflict", session: parseSession(second, first, "not-applied") };
    case "missing":
    case "gone":
      return missing(parts, attempts);
    case "fenced":
      return { type: code };
    default:
      throw unexpected();
  }
}
