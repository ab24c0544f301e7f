import type { Position } from "@wsession/protocol";
import type { OutboxEntry } from "../store/outbox-contract.ts";

/** Consecutive entries of an outbox. `before` is the position just before the first entry. */
export interface KeptRun {
  readonly before: Position;
  readonly entries: readonly OutboxEntry[];
}

export const BEGINNING: Position = { offset: 0, chain: 0 };

export function isSamePosition(one: Position, other: Position): boolean {
  return one.offset === other.offset && one.chain === other.chain;
}

export function endOf({ before, entries }: KeptRun): Position {
  const last = entries.at(-1);
  return last === undefined ? before : { offset: before.offset + entries.length, chain: last.chain };
}

/**
 * Returns the part of `run` that comes after `position`. The part is empty if the run ends before `position`. Returns `"gap"`
 * if entries are missing between the two. Returns `"other"` if the offsets fit and the chains differ: then one of the two
 * belongs to a history that the store has lost (I19).
 */
export function remainderAfter(position: Position, run: KeptRun): KeptRun | "gap" | "other" {
  const index = position.offset - run.before.offset;
  if (index < 0) return "gap";
  if (index > run.entries.length) return { before: position, entries: [] };
  const chain = index === 0 ? run.before.chain : run.entries[index - 1]?.chain;
  if (chain !== position.chain) return "other";
  return index === 0 ? run : { before: position, entries: run.entries.slice(index) };
}

/** Whether `run` ends before `position`. `remainderAfter` ignores such a run, because an announcement may come late. */
export function endsBefore({ before, entries }: KeptRun, { offset }: Position): boolean {
  return before.offset + entries.length < offset;
}
