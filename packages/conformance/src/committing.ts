import type {
  ClientRecord,
  CommitNumbers,
  CommitRequest,
  CommitResult,
  OutboxBounds,
  OutboxMessage,
  StoredSession,
} from "@wsession/core";
import { BOUNDS, message } from "./outbox-reader.ts";
import type { StoreProcess } from "./store-process.ts";
import type { StoreCase } from "./store-trial.ts";

export const commits: NonNullable<StoreCase["applies"]> = (capabilities, harness) =>
  capabilities.outbox === true && harness?.commits === true;

export type Committed = Extract<CommitResult, { type: "committed" }>;

export const CLIENT = "client-AAAAAAAAA";

export interface CommitOptions extends Partial<Omit<CommitRequest, "id" | "numbers" | "outbox">> {
  /** The fields that the commit sets. */
  readonly set?: Readonly<Record<string, unknown>> | undefined;
  readonly messages?: readonly (string | OutboxMessage)[] | undefined;
  readonly bounds?: Partial<OutboxBounds> | undefined;
}

/** Commits one number. By default all earlier numbers are settled according to the caller. */
export function commit(
  store: StoreProcess,
  id: string,
  numbers: Pick<CommitNumbers, "number"> & Partial<CommitNumbers>,
  { set, messages, bounds, ...rest }: CommitOptions = {},
): Promise<CommitResult> {
  const { number, first = number } = numbers;
  const whole = { client: CLIENT, first, settled: first - 1, mark: 0, refused: [], ...numbers };
  const change = set && ({ type: "fields", set, unset: [] } as const);
  const outbox = messages && {
    messages: messages.map((one) => (typeof one === "string" ? message(one) : one)),
    bounds: { ...BOUNDS, ...bounds },
  };
  return store.commit({ id, numbers: whole, change, outbox, ...rest });
}

/** Commits, and requires that the store accepts the commit. */
export async function committed(...call: Parameters<typeof commit>): Promise<Committed> {
  const result = await commit(...call);
  if (result.type !== "committed") throw new Error(`commit answered "${result.type}"`);
  return result;
}

/** The client record of one client. */
export async function recordOf(
  store: StoreProcess,
  id: string,
  client: string = CLIENT,
): Promise<ClientRecord | undefined> {
  return (await store.load(id))?.clients?.byClient.get(client);
}

/** The session's forget mark. */
export async function markOf(store: StoreProcess, id: string): Promise<number> {
  return (await store.load(id))?.clients?.mark ?? 0;
}

/** A session without its deadlines, which change with time. For comparisons of before and after. */
export async function stateOf(
  store: StoreProcess,
  id: string,
): Promise<Omit<StoredSession, "idleInMs" | "absoluteInMs"> | undefined> {
  const session = await store.load(id);
  if (session === undefined) return undefined;
  const { idleInMs: _, absoluteInMs: __, ...state } = session;
  return state;
}
