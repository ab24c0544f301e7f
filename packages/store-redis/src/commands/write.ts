import type { WriteRequest, WriteResult } from "@wsession/core";
import type { Reply } from "../connection/calls.ts";
import type { EncodedChange } from "../base/codec.ts";
import { parseSession } from "../base/record.ts";
import { type Caller, newLineage, optional } from "./caller.ts";
import { asVersion, type Missing, missing, partsOf, unexpected } from "./reply.ts";

/** A larger change is announced without its fields; the holders then read the session. */
const ANNOUNCED_BYTES = "2048";

/** The members that the commands of write.lua and commit.lua share. */
export interface ChangeCommand {
  readonly request: Omit<WriteRequest, "change">;
  readonly encoded: EncodedChange | undefined;
  readonly sequence: number;
  readonly maxBytes: number;
  readonly deadline: number;
}

export interface WriteCommand extends ChangeCommand {
  readonly encoded: EncodedChange;
}

export type WriteReply = Exclude<WriteResult, { type: "missing" }> | Missing;

/**
 * The first arguments of write.lua and commit.lua after the not-after time. `next` is the lineage of the new version. `encoded`
 * is `undefined` if the data does not change.
 */
export function changeArgs(
  node: string,
  { request, encoded, sequence, maxBytes }: ChangeCommand,
  next: number,
): string[] {
  const { expect, known, lineage, fence, schemaVersion } = request;
  return [
    node,
    String(sequence),
    optional(expect),
    String(known),
    optional(lineage),
    String(next),
    optional(fence),
    String(schemaVersion),
    String(maxBytes),
    ANNOUNCED_BYTES,
    encoded?.mode ?? "",
    String((encoded?.set.length ?? 0) / 2),
  ];
}

/** write.lua: changes fields of a session that exists, once. */
export function write({ calls, keys, node }: Caller, command: WriteCommand): Promise<WriteReply> {
  const { encoded, deadline } = command;
  const { id, lineage } = command.request;
  const next = newLineage();
  const args = changeArgs(node, command, next).concat(encoded.set, encoded.unset);
  const made = lineage === undefined ? undefined : next;
  const read = (reply: Reply, attempts: number): WriteReply => readWrite(reply, attempts, made);
  return calls.timedScript("write", keys.session(id), args, read, deadline);
}

/** `lineage` is the lineage of the version after the caller's known version. */
function readWrite(reply: Reply, attempts: number, lineage: number | undefined): WriteReply {
  const version = asVersion(reply);
  if (version !== undefined) return { type: "written", version, lineage, session: undefined };
  const { 0: code, 1: first, 2: second, 3: third } = partsOf(reply);
  switch (code) {
    case "written":
      return { type: "written", version: Number(first), session: parseSession(third, second, "unknown") };
    case "conflict":
      return { type: "conflict", session: parseSession(second, first, "not-applied") };
    case "missing":
    case "gone":
      return missing(code, attempts);
    case "fenced":
      return { type: code };
    default:
      throw unexpected();
  }
}
