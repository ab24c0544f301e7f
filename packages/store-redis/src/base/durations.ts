/** 317 years. The sum of this and the current time has 14 digits, the most that the scripts can write exactly. */
const MAX_DURATION_MS = 1e13;

/**
 * Rounds a time until a deadline up to whole milliseconds, at least 1. Returns Infinity for a time that is
 * too long to be stored.
 */
export function untilDeadline(ms: number): number {
  return ms < MAX_DURATION_MS ? Math.max(1, Math.ceil(ms)) : Number.POSITIVE_INFINITY;
}

/** The time until a deadline as a script argument; "0" for no deadline. */
export function deadlineText(ms: number): string {
  const left = untilDeadline(ms);
  return left === Number.POSITIVE_INFINITY ? "0" : String(left);
}

/** A session's own lifetime as a script argument, in base 36; "" for none. */
export function lifetimeText(ms: number | undefined): string {
  return ms === undefined ? "" : Number(deadlineText(ms)).toString(36);
}

/** A duration without a form for "never" as a script argument. */
export function durationText(ms: number): string {
  return String(Math.ceil(Math.min(ms, MAX_DURATION_MS)));
}
