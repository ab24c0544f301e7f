import type { Calls } from "../connection/calls.ts";
import type { Keys } from "../base/keys.ts";
import type { Doubts } from "./doubts.ts";

/** The objects that a command needs. */
export interface Caller {
  readonly calls: Calls;
  readonly keys: Keys;
  /** The name of this process, as a holder and as a writer. */
  readonly node: string;
  /** The calls that may change presence. */
  readonly doubts: Doubts;
}

/** A script argument: a larger change, or larger messages, are announced without their text. The holders then read Redis. */
export const ANNOUNCED_BYTES = "2048";

/** An optional number as a script argument. */
export function optional(value: number | undefined): string {
  return value === undefined ? "" : String(value);
}

/**
 * A limit as a script argument. Infinity, and a number that a double can't represent exactly, becomes a limit that is never
 * reached.
 */
export function countText(count: number): string {
  return String(Math.min(count, Number.MAX_SAFE_INTEGER));
}

/** A boolean as a script argument. */
export function flagText(value: boolean): string {
  return value ? "1" : "";
}

/**
 * A random lineage for the version that a change makes. Two changes get the same one with probability 2⁻³¹.
 */
export function newLineage(): number {
  return Math.trunc(Math.random() * 2 ** 31);
}
