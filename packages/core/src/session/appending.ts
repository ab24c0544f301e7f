/** From messages that the application gave to what is appended, and from the store's answer to what is delivered. */
import type { AppendResult, OutboxAppend, OutboxBounds } from "../store/outbox-contract.ts";
import type { KeptRun } from "./kept-run.ts";

/** A message that the application gave, checked. */
export interface OutgoingMessage {
  readonly data: string | Uint8Array;
  readonly key: string | undefined;
  readonly ttlMs: number | undefined;
  readonly bytes: number;
}

/** Of messages with one key the last alone is appended, where it stands. */
export function lastOfEachKey<Message extends OutgoingMessage>(
  messages: readonly Message[],
): readonly Message[] {
  const last = new Map<string, Message>();
  for (const one of messages) if (one.key !== undefined) last.set(one.key, one);
  return last.size === 0
    ? messages
    : messages.filter((one) => one.key === undefined || last.get(one.key) === one);
}

/** `messages`: no two have the same key. */
export function appendOf(messages: readonly OutgoingMessage[], bounds: OutboxBounds): OutboxAppend {
  return {
    messages: messages.map(({ data, key, ttlMs }) => ({ data, key, ttlMs, mark: newMark() })),
    bounds,
  };
}

/** What was appended, for the session's connections. */
export function runOf(
  messages: readonly Pick<OutgoingMessage, "data">[],
  { offset, before, chains }: Extract<AppendResult, { type: "appended" }>,
): KeptRun {
  const entries = chains.map((chain, index) => ({ chain, data: messages[index]?.data, isReplaced: false }));
  return { before: { offset: offset - 1, chain: before }, entries };
}

/** No secret: a chain tells histories apart and opens nothing. */
function newMark(): number {
  return Math.floor(Math.random() * 2 ** 31);
}
