import { randomInt } from "node:crypto";
import type {
  AppendResult,
  OutboxBounds,
  OutboxEntry,
  OutboxMessage,
  Position,
  ReadRequest,
  ReadResult,
} from "@wsession/core";
import { expect } from "vitest";
import type { StoreProcess } from "./store-process.ts";

export const BEGINNING: Position = { offset: 0, chain: 0 };

export const BOUNDS: OutboxBounds = {
  maxMessages: 256,
  maxBytes: 256 * 1024,
  maxAgeMs: 3_600_000,
  whenFull: "drop-oldest",
};

export type Read = Extract<ReadResult, { type: "read" }>;
export type Appended = Extract<AppendResult, { type: "appended" }>;

export function message(
  data: string | Uint8Array,
  options: Partial<Omit<OutboxMessage, "data">> = {},
): OutboxMessage {
  return { data, mark: randomInt(2 ** 31), key: undefined, ttlMs: undefined, ...options };
}

export interface AppendOptions {
  readonly fence?: number | undefined;
  readonly subject?: string | undefined;
  readonly bounds?: Partial<OutboxBounds> | undefined;
}

export function append(
  store: StoreProcess,
  id: string,
  messages: readonly (string | Uint8Array | OutboxMessage)[],
  { fence, subject, bounds }: AppendOptions = {},
): Promise<AppendResult> {
  const whole = messages.map((one) =>
    typeof one === "string" || one instanceof Uint8Array ? message(one) : one,
  );
  return store.append({ id, messages: whole, bounds: { ...BOUNDS, ...bounds }, fence, subject });
}

/** Appends, and requires that the store accepts the append. */
export async function appended(...call: Parameters<typeof append>): Promise<Appended> {
  const result = await append(...call);
  if (result.type !== "appended") throw new Error(`append answered "${result.type}"`);
  return result;
}

/** The end of the outbox after an append. */
export function endOf({ offset, chains }: Appended): Position {
  return { offset: offset + chains.length - 1, chain: chains.at(-1) ?? expect.fail("no chain") };
}

/** The position of the message at `index` of an append. */
export function positionOf({ offset, chains }: Appended, index: number): Position {
  return { offset: offset + index, chain: chains[index] ?? expect.fail("no chain") };
}

export async function read(
  store: StoreProcess,
  id: string,
  from: Position,
  request: Partial<ReadRequest> = {},
): Promise<Read> {
  if (store.store.read === undefined) throw new Error("the store has no read()");
  const result = await store.store.read({ id, from, witness: undefined, maxBytes: 1024 * 1024, ...request });
  return result.type === "read" ? result : expect.fail(result.type);
}

export function textsOf(entries: readonly OutboxEntry[]): (string | undefined)[] {
  return entries.map(({ data }) => (data === undefined ? undefined : Buffer.from(data).toString()));
}
