import type { ClientRecord, CommitNumbers, CommitRequest, CommitResult } from "@wsession/core";
import type { RedisSessionStore } from "@wsession/store-redis";
import { anAppend } from "./fake-reader.ts";

/** A client of a session, as 16 characters. */
export const CLIENT = "client-AAAAAAAAA";

export interface CommitOptions extends Partial<Omit<CommitRequest, "id" | "numbers" | "outbox">> {
  readonly set?: Readonly<Record<string, unknown>> | undefined;
  readonly messages?: Parameters<typeof anAppend>[1] | undefined;
  readonly bounds?: Parameters<typeof anAppend>[2];
}

/** A commit of one number. By default the caller states that all earlier numbers are settled. */
export function aCommit(
  id: string,
  numbers: Pick<CommitNumbers, "number"> & Partial<CommitNumbers>,
  { set, messages, bounds, ...rest }: CommitOptions = {},
): CommitRequest {
  const { number, first = number } = numbers;
  return {
    id,
    numbers: { client: CLIENT, first, settled: first - 1, mark: 0, refused: [], ...numbers },
    change: set && { type: "fields", set, unset: [] },
    outbox: messages && anAppend(id, messages, bounds),
    expect: undefined,
    known: number,
    schemaVersion: 0,
    fence: undefined,
    ...rest,
  };
}

type Committed = Extract<CommitResult, { type: "committed" }>;

/** Commits, and requires that the store accepts the commit. */
export async function committed(
  { store }: { readonly store: RedisSessionStore },
  ...request: Parameters<typeof aCommit>
): Promise<Committed> {
  const result = await store.commit(aCommit(...request));
  if (result.type !== "committed") throw new Error(`commit answered "${result.type}"`);
  return result;
}

export async function recordOf(
  { store }: { readonly store: RedisSessionStore },
  id: string,
  client: string = CLIENT,
): Promise<ClientRecord | undefined> {
  return (await store.load(id))?.clients?.byClient.get(client);
}
