import type { Calls } from "../connection/calls.ts";
import type { Keys } from "../base/keys.ts";

/** What a command needs to be sent. */
export interface Caller {
  readonly calls: Calls;
  readonly keys: Keys;
  /** This process's name, as a holder and as a writer. */
  readonly node: string;
}

/** As scripts take what may be left out. */
export function optional(value: number | undefined): string {
  return value === undefined ? "" : String(value);
}

/** As scripts take a limit: one that is not finite, or not exact, is out of reach. */
export function countText(count: number): string {
  return String(Math.min(count, Number.MAX_SAFE_INTEGER));
}

/** As scripts take what is or is not so. */
export function flag(value: boolean): string {
  return value ? "1" : "";
}

/** A lineage that no other change makes, but by chance once in 2³¹: what a change makes of the version that its author knows. */
export function newLineage(): number {
  return Math.trunc(Math.random() * 2 ** 31);
}
