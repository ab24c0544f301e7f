import type { Position } from "@wsession/protocol";
import type { OutboxEntry } from "../store/outbox-contract.ts";

/** Entries of an outbox that follow one another: the first is right behind `before`. */
export interface KeptRun {
  readonly before: Position;
  readonly entries: readonly OutboxEntry[];
}

export const BEGINNING: Position = { offset: 0, chain: 0 };

export function isSame(one: Position, other: Position): boolean {
  return one.offset === other.offset && one.chain === other.chain;
}

export function endOf({ before, entries }: KeptRun): Position {
  const last = entries.at(-1);
  return last === undefined ? before : { offset: before.offset + entries.length, chain: last.chain };
}

/**
 * What of `run` comes after `position`. `"gap"`: something lies between the two. `"other"`: the offsets fit and the chains do not,
 * so that one of the two is of a history that the store has lost (I19). A run that ends before `position` has nothing for it.
 */
export function after(position: Position, run: KeptRun): KeptRun | "gap" | "other" {
  const index = position.offset - run.before.offset;
  if (index < 0) return "gap";
  if (index > run.entries.length) return { before: position, entries: [] };
  const chain = index === 0 ? run.before.chain : run.entries[index - 1]?.chain;
  if (chain !== position.chain) return "other";
  return index === 0 ? run : { before: position, entries: run.entries.slice(index) };
}
