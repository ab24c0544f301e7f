import type { Operation } from "./history.ts";

export interface Violation {
  readonly rule:
    | "lost" // acknowledged, and missing at the end
    | "evicted" // a whole session that the server evicted, which it may
    | "collided" // two changes were made of the same state
    | "duplicate" // applied twice
    | "phantom" // present, although it was refused or never sent
    | "rewritten" // a later read returned other data for the same change
    | "stale" // a read missed what had been acknowledged before it
    | "backwards" // an observer read a lower version or fence than before
    | "resurrected" // read or written after an acknowledged destroy
    | "revived" // read again, after a read had shown that it was lost
    | "unlisted" // live, and not in its subject's index
    // Of transactions:
    | "torn" // a change without its answer, or an answer without its change
    | "hole" // an answer that a page did not get, without a report
    | "missed" // a page got a report of a loss, although nothing may be lost
    | "unreported" // a page got no report of a loss
    | "unsettled"; // a promise that never settled
  readonly session: string;
  readonly text: string;
  /** The number of affected changes. */
  readonly count: number;
}

export interface Rules {
  /** Acknowledged changes may be lost, as after an asynchronous failover: `lost` is counted, order is not checked. */
  readonly mayLose?: boolean | undefined;
  /**
   * The server evicts keys. Whole sessions may disappear, and are counted as `evicted`. Their subject's index may disappear
   * too. The remaining sessions are complete, and the evicted sessions never come back.
   */
  readonly mayEvict?: boolean | undefined;
  /**
   * A demoted server may answer a read. Such a read may miss changes that were acknowledged less than this many milliseconds
   * before it began. The last read of a session may not miss any.
   */
  readonly staleMs?: number | undefined;
}

export type Say = (rule: Violation["rule"], text: string, count?: number) => void;

export type Read = Operation & { readonly answer: { readonly data: Readonly<Record<string, unknown>> } };

/** The operations on one session, in the order of the calls. */
export interface SessionHistory {
  readonly own: readonly Operation[];
  /** Reads that found the session. */
  readonly reads: readonly Read[];
  readonly rules: Rules;
  readonly say: Say;
}

export function hasData(operation: Operation): operation is Read {
  const { data } = operation.answer;
  return operation.kind === "read" && operation.outcome === "ok" && data !== null && data !== undefined;
}

export const nameOf = ({ worker, op, kind, value, code = "" }: Operation): string =>
  [`${worker}#${op}`, kind, value, code].join(" ");

export const isSure = ({ outcome }: Operation): boolean => outcome === "ok" || outcome === "applied";

export function isChange({ kind }: Operation): boolean {
  return kind === "append" || kind === "increment" || kind === "write" || kind === "identify";
}

export function isLast(read: Read, reads: readonly Read[]): boolean {
  return reads.at(-1) === read;
}

/** A read must show every change that was acknowledged before this time. */
export function shownSince(read: Read, { reads, rules }: SessionHistory): number {
  return read.invokedAt - (isLast(read, reads) ? 0 : (rules.staleMs ?? 0) * 1_000);
}

export function groupBy<Key, Item>(items: readonly Item[], keyOf: (item: Item) => Key): Map<Key, Item[]> {
  const groups = new Map<Key, Item[]>();
  for (const item of items) {
    const key = keyOf(item);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [item]);
    else group.push(item);
  }
  return groups;
}
