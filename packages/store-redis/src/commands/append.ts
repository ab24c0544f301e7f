import { mixChain } from "@wsession/core";
import type { AppendRequest, AppendResult, OutboxBounds, OutboxMessage } from "@wsession/core";
import type { Reply } from "../connection/calls.ts";
import { deadlineText } from "../base/durations.ts";
import { encodeMessages } from "../base/outbox-entries.ts";
import { ANNOUNCED_BYTES, type Caller, countText, flagText, optional } from "./caller.ts";
import { type Missing, missing, partsOf, unexpected } from "./reply.ts";

export interface AppendCommand {
  readonly request: AppendRequest;
  readonly sequence: number;
  readonly deadline: number;
}

export type AppendReply = Exclude<AppendResult, { type: "missing" }> | Missing;

/** append.lua: appends messages to a session's outbox, at most once. */
export function append({ calls, keys, node }: Caller, command: AppendCommand): Promise<AppendReply> {
  const { request, sequence, deadline } = command;
  const { id, fence, subject, messages, bounds } = request;
  const args = [
    node,
    String(sequence),
    optional(fence),
    ...boundArgs(bounds),
    ANNOUNCED_BYTES,
    subject ?? "",
    ...encodeMessages(messages),
  ];
  const read = (reply: Reply, attempts: number): AppendReply => readAppend(reply, attempts, messages);
  return calls.timedScript("append", keys.session(id), args, read, deadline, keys.outbox(id));
}

/** Converts the offset of the first message and the chain before it. The other chains follow from the marks. */
export function toAppended(
  offset: unknown,
  before: unknown,
  messages: readonly OutboxMessage[],
): Extract<AppendResult, { type: "appended" }> {
  let chain = Number(before);
  const chains = messages.map(({ mark }) => (chain = mixChain(chain, mark)));
  return { type: "appended", offset: Number(offset), before: Number(before), chains };
}

/** The bounds of an outbox as append.lua and commit.lua take them. */
export function boundArgs(bounds: OutboxBounds): string[] {
  return [
    countText(bounds.maxMessages),
    countText(bounds.maxBytes),
    deadlineText(bounds.maxAgeMs),
    flagText(bounds.whenFull === "refuse"),
  ];
}

function readAppend(reply: Reply, attempts: number, messages: readonly OutboxMessage[]): AppendReply {
  const parts = partsOf(reply);
  const { 0: code, 1: offset, 2: before } = parts;
  switch (code) {
    case "appended":
      return toAppended(offset, before, messages);
    case "missing":
    case "gone":
      return missing(parts, attempts);
    case "full":
    case "foreign":
    case "fenced":
      return { type: code };
    default:
      throw unexpected();
  }
}
