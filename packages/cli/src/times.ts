import { UsageError } from "./failures.ts";

const INTERVAL = /^(\d{1,10})(ms|s|min|h|d)?$/;
const MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, min: 60_000, h: 3_600_000, d: 86_400_000 };
const MOST_MS = 2 ** 53;
/** The longest delay of a timer of Node, which fires at once for a longer one. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;
/** A date, or a date with a time and its zone: a time without a zone would mean another time on another machine. */
const ISO = /^\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:?\d\d))?$/;
const MS_SINCE_EPOCH = /^\d{12,15}$/;
const AGO = /^(\d{1,10}(?:ms|s|min|h|d)) ago$/;

/**
 * Parses "30d", "12h", "5min", "2s", "500ms", or milliseconds without a unit from 1,000 on. A smaller number is refused, because most
 * people mean seconds by it.
 */
export function parseInterval(option: string, text: string): number {
  const [, number = "", given] = INTERVAL.exec(text) ?? [];
  const ms = Number(number) * (MS[given ?? "ms"] ?? 1);
  if (given === undefined && ms > 0 && ms < 1_000)
    throw new UsageError(`${option} needs a unit: ${ms}s, or ${ms}ms`);
  if (number === "" || ms === 0 || ms > MOST_MS)
    throw new UsageError(`${option} is a duration above 0, such as 500ms, 2s, 5min, 12h or 30d`);
  return ms;
}

/** As `parseInterval`, for the time of a timer. */
export function parseTimer(option: string, text: string): number {
  const ms = parseInterval(option, text);
  if (ms > LONGEST_TIMER_MS) throw new UsageError(`${option} is a duration of at most 24 days`);
  return ms;
}

/** As `parseTime`, for a time that has passed. */
export function parsePastTime(text: string): number {
  const ms = parseTime(text);
  // All sessions began before a time in the future, so a slip in the year would end every session.
  if (ms > Date.now()) throw new UsageError("--before must not be in the future");
  return ms;
}

/** Parses a time of ISO 8601 with its zone, a date (UTC), milliseconds since the epoch, or "2h ago". */
export function parseTime(text: string): number {
  const ago = AGO.exec(text)?.[1];
  if (ago !== undefined) return Date.now() - parseInterval("--before", ago);
  const ms = MS_SINCE_EPOCH.test(text) ? Number(text) : ISO.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(ms))
    throw new UsageError(
      '--before is a time with its zone, such as 2026-11-27T08:00:00Z, a date (UTC), milliseconds since the epoch, or "2h ago"',
    );
  return ms;
}
