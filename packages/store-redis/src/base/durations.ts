/** 317 years. With the time of day it has 14 digits, which is what the scripts can write exactly. */
const LONGEST_MS = 1e13;

/** Milliseconds until a deadline; Infinity for one that is too far away to be written down, as for none. */
export function untilDeadline(ms: number): number {
  return ms < LONGEST_MS ? Math.max(1, Math.ceil(ms)) : Number.POSITIVE_INFINITY;
}

/** The same as the scripts take it; 0 for never. */
export function deadlineText(ms: number): string {
  const left = untilDeadline(ms);
  return left === Number.POSITIVE_INFINITY ? "0" : String(left);
}

/** Milliseconds that something stays, which the scripts need to be finite. */
export function stayText(ms: number): string {
  return String(Math.ceil(Math.min(ms, LONGEST_MS)));
}
