import type { CommitRequest, CommitResult } from "@wsession/core";
import type { Reply } from "../connection/calls.ts";
import { refusedBits, toRecord } from "../base/client-records.ts";
import type { EncodedChange } from "../base/codec.ts";
import { encodeMessages } from "../base/outbox-entries.ts";
import { parseSession } from "../base/record.ts";
import { boundArgs, toAppended } from "./append.ts";
import { ANNOUNCED_BYTES, type Caller, newLineage, optional } from "./caller.ts";
import { asVersion, type Missing, missing, partsOf, unexpected } from "./reply.ts";

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
export function commit(caller: Caller, command: CommitCommand): Promise<CommitReply> {
  const { calls, keys } = caller;
  const { request, encoded, deadline } = command;
  const { id, numbers, outbox, lineage } = request;
  const nextLineage = newLineage();
  const args = [wordsOf(caller, command, nextLineage), numbers.client].concat(
    encoded?.set ?? [],
    encoded?.unset ?? [],
    outbox === undefined ? [] : encodeMessages(outbox.messages),
  );
  // A caller without a lineage compares versions alone.
  const committedLineage = lineage === undefined ? undefined : nextLineage;
  const read = (reply: Reply, attempts: number): CommitReply =>
    readCommit(reply, attempts, { request, lineage: committedLineage });
  // The list is named only if it is used, because while its slot migrates Redis refuses scripts with two keys.
  const list = outbox === undefined ? undefined : keys.outbox(id);
  return calls.timedScript("commit", keys.session(id), args, read, deadline, list);
}

/**
 * The short arguments as one text, in the order of commit.lua. As arguments of their own they would cost much of a commit's CPU time here,
 * because the client library builds the text of each from four strings. A template, because `join` of an array takes twice as long.
 */
function wordsOf(
  { node }: Caller,
  { request, encoded, sequence, maxBytes }: CommitCommand,
  nextLineage: number,
): string {
  const { known, schemaVersion, outbox } = request;
  const { first, number, settled, mark, refused } = request.numbers;
  const versions = `${optional(request.expect)} ${known} ${optional(request.lineage)} ${nextLineage}`;
  const limits = `${optional(request.fence)} ${schemaVersion} ${maxBytes} ${ANNOUNCED_BYTES}`;
  const change =
    encoded === undefined ? " 0 0" : `${encoded.mode} ${encoded.set.length / 2} ${encoded.unset.length}`;
  const settles = `${first} ${number} ${settled} ${mark} ${refused.length === 0 ? "0" : refusedBits(refused, number)}`;
  const bounds = outbox === undefined ? NO_BOUNDS : boundArgs(outbox.bounds).join(" ");
  return `${node} ${sequence} ${versions} ${limits} ${change} ${settles} ${bounds}`;
}

/** Four empty words. */
const NO_BOUNDS = "   ";

interface Requested {
  readonly request: CommitRequest;
  /** The lineage of the version after the caller's known version. */
  readonly lineage: number | undefined;
}

function readCommit(reply: Reply, attempts: number, requested: Requested): CommitReply {
  const parts = partsOf(reply);
  const { 0: code, 1: first, 2: second, 3: third } = parts;
  const version = asVersion(code);
  // The short form of "committed": the record has no refused number, and the version is the next after the caller's.
  if (version !== undefined) return committed(requested, ["", "0", "1", first, second, version]);
  switch (code) {
    case "committed":
      return committed(requested, parts);
    case "settled":
      return { type: "settled", record: toRecord(first, second, third) };
    case "forgotten":
      return { type: code, mark: Number(first) };
    case "behind":
      return { type: code, settled: Number(first) };
    case "conflict":
      return { type: code, session: parseSession(second, first, "not-applied") };
    case "missing":
    case "gone":
      return missing(parts, attempts);
    case "full":
    case "fenced":
      return { type: code };
    default:
      throw unexpected();
  }
}

function committed(
  { request: { numbers, change, outbox }, lineage }: Requested,
  parts: readonly unknown[],
): Extract<CommitResult, { type: "committed" }> {
  const { 1: refused, 2: floor, 3: offset, 4: before, 5: version, 6: now, 7: hash } = parts;
  const session = hash === undefined ? undefined : parseSession(hash, now, "unknown");
  return {
    type: "committed",
    written: change && { type: "written", version: Number(version), lineage, session },
    appended: outbox && toAppended(offset, before, outbox.messages),
    record: toRecord(numbers.number, refused, floor, "unknown"),
  };
}
