/** Converts messages of the application to an append, and the store's answer to entries for delivery. */
import type { AppendResult, OutboxAppend, OutboxBounds } from "../store/outbox-contract.ts";
import type { KeptRun } from "./kept-run.ts";

/** A checked message of the application. */
export interface OutgoingMessage {
  readonly data: string | Uint8Array;
  readonly key: string | undefined;
  readonly ttlMs: number | undefined;
  readonly bytes: number;
}

/** Removes each message that a later message with the same key replaces. The order of the others does not change. */
export function lastOfEachKey<Message extends OutgoingMessage>(
  messages: readonly Message[],
): readonly Message[] {
  if (messages.every(({ key }) => key === undefined)) return messages;
  const last = new Map<string, Message>();
  for (const one of messages) if (one.key !== undefined) last.set(one.key, one);
  return messages.filter((one) => one.key === undefined || last.get(one.key) === one);
}

/** Makes the append of these messages. Their keys must be unique. */
export function appendOf(messages: readonly OutgoingMessage[], bounds: OutboxBounds): OutboxAppend {
  return {
    messages: messages.map(({ data, key, ttlMs }) => ({ data, key, ttlMs, mark: newMark() })),
    bounds,
  };
}

/** The appended entries, for the session's connections. */
export function runOf(
  messages: readonly Pick<OutgoingMessage, "data">[],
  { offset, before, chains }: Extract<AppendResult, { type: "appended" }>,
): KeptRun {
  const entries = chains.map((chain, index) => ({ chain, data: messages[index]?.data, isReplaced: false }));
  return { before: { offset: offset - 1, chain: before }, entries };
}

/** The mark needs no secure random source: a chain distinguishes histories, and gives access to nothing. */
function newMark(): number {
  return Math.floor(Math.random() * 2 ** 31);
}
