import type { CommitRequest, CommitResult, OutboxAppend } from "@wsession/core";
import type { Reply } from "../connection/calls.ts";
import { refusedBits, toRecord } from "../base/client-records.ts";
import type { EncodedChange } from "../base/codec.ts";
import { encodeMessages } from "../base/outbox-entries.ts";
import { parseSession } from "../base/record.ts";
import { boundArgs, toAppended } from "./append.ts";
import { type Caller, newLineage } from "./caller.ts";
import { type Missing, missing, partsOf, unexpected } from "./reply.ts";
import { changeArgs } from "./write.ts";

const NO_BOUNDS = ["", "", "", ""];

export interface CommitCommand {
  readonly request: CommitRequest;
  /** `undefined`: the data does not change. */
  readonly encoded: EncodedChange | undefined;
  readonly sequence: number;
  readonly maxBytes: number;
  readonly deadline: number;
}

export type CommitReply = Exclude<CommitResult, { type: "missing" }> | Missing;

/** commit.lua: settles numbers, changes data and keeps messages, in one atomic step, at most once. */
export function commit({ calls, keys, node }: Caller, command: CommitCommand): Promise<CommitReply> {
  const { request, encoded, deadline } = command;
  const { id, numbers, outbox, lineage } = request;
  const { client, first, number, settled, mark, refused } = numbers;
  const next = newLineage();
  const { set, unset } = encoded ?? { set: [], unset: [] };
  const args = changeArgs(node, command, next).concat(
    [client, String(first), String(number), String(settled), String(mark), refusedBits(refused, number)],
    [String(unset.length)],
    outbox === undefined ? NO_BOUNDS : boundArgs(outbox.bounds),
    set,
    unset,
    outbox === undefined ? [] : encodeMessages(outbox.messages),
  );
  const made = lineage === undefined ? undefined : next;
  const read = (reply: Reply, attempts: number): CommitReply =>
    readCommit(reply, attempts, { outbox, lineage: made, changes: encoded !== undefined });
  // The list is named only if it is used, because while its slot migrates Redis refuses scripts with two keys.
  const list = outbox === undefined ? undefined : keys.outbox(id);
  return calls.timedScript("commit", keys.session(id), args, read, deadline, list);
}

interface Requested {
  readonly outbox: OutboxAppend | undefined;
  readonly changes: boolean;
  /** The lineage of the version after the caller's known version. */
  readonly lineage: number | undefined;
}

function readCommit(reply: Reply, attempts: number, requested: Requested): CommitReply {
  const parts = partsOf(reply);
  const { 0: code, 1: first, 2: second, 3: third } = parts;
  switch (code) {
    case "committed":
      return readCommitted(parts, requested);
    case "known":
      return { type: "settled", record: toRecord(first, second, third) };
    case "forgotten":
      return { type: code, mark: Number(first) };
    case "behind":
      return { type: code, settled: Number(first) };
    case "conflict":
      return { type: code, session: parseSession(second, first, "not-applied") };
    case "missing":
    case "gone":
      return missing(code, attempts);
    case "full":
    case "fenced":
      return { type: code };
    default:
      throw unexpected();
  }
}

function readCommitted(
  parts: readonly unknown[],
  { outbox, changes, lineage }: Requested,
): Extract<CommitResult, { type: "committed" }> {
  const { 1: settled, 2: refused, 3: floor, 4: offset, 5: before, 6: version, 7: now, 8: hash } = parts;
  const session = hash === undefined ? undefined : parseSession(hash, now, "unknown");
  return {
    type: "committed",
    written: changes ? { type: "written", version: Number(version), lineage, session } : undefined,
    appended: outbox && toAppended(offset, before, outbox.messages),
    record: toRecord(settled, refused, floor, "unknown"),
  };
}
