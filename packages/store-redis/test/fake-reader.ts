import { randomInt } from "node:crypto";
import type {
  AppendRequest,
  AppendResult,
  OutboxEntry,
  OutboxMessage,
  Position,
  ReadRequest,
  ReadResult,
} from "@wsession/core";
import type { RedisSessionStore } from "@wsession/store-redis";

export const BEGINNING: Position = { offset: 0, chain: 0 };

export type Read = Extract<ReadResult, { type: "read" }>;
export type Appended = Extract<AppendResult, { type: "appended" }>;

export function aMessage(
  data: string | Uint8Array,
  options: Partial<Omit<OutboxMessage, "data">> = {},
): OutboxMessage {
  return { data, mark: randomInt(2 ** 31), key: undefined, ttlMs: undefined, ...options };
}

type Bounds = AppendRequest["bounds"];

export function anAppend(
  id: string,
  messages: readonly (string | OutboxMessage)[],
  bounds: Partial<Bounds> = {},
): AppendRequest {
  return {
    id,
    messages: messages.map((message) => (typeof message === "string" ? aMessage(message) : message)),
    bounds: {
      maxMessages: 256,
      maxBytes: 256 * 1024,
      maxAgeMs: 300_000,
      whenFull: "drop-oldest",
      ...bounds,
    },
    fence: undefined,
  };
}

export async function appended(
  { store }: { readonly store: RedisSessionStore },
  ...request: Parameters<typeof anAppend>
): Promise<Appended> {
  const result = await store.append(anAppend(...request));
  if (result.type !== "appended") throw new Error(`append answered "${result.type}"`);
  return result;
}

export async function readFrom(
  { store }: { readonly store: RedisSessionStore },
  id: string,
  from: Position,
  request: Partial<ReadRequest> = {},
): Promise<Read> {
  const result = await store.read({ id, from, witness: undefined, maxBytes: 2 ** 30, ...request });
  if (result.type !== "read") throw new Error(`read answered "${result.type}"`);
  return result;
}

export function endOf({ offset, chains }: Appended): Position {
  return { offset: offset + chains.length - 1, chain: chains.at(-1) ?? 0 };
}

export function textsOf({ entries }: { readonly entries: readonly OutboxEntry[] }): (string | undefined)[] {
  return entries.map(({ data }) => (data === undefined ? undefined : Buffer.from(data).toString()));
}
