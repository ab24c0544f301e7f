import { setTimeout as delay } from "node:timers/promises";

/** Items per batch. */
const BATCH = 128;
/** A rate that does not burden a Redis server. */
const MIN_PER_SECOND = 1_000;

/**
 * Calls `act` for batches of `items`, rate-limited to 1,000 items a second, or to the rate that finishes
 * within `withinMs` if that is higher. Without the limit, a process that reads all its sessions at once
 * (often together with its neighbours) would block Redis for everything else. Stops when `act` resolves to
 * false. Returns the items that were not started.
 *
 * `share` is the fraction of the rate that this server may use.
 */
export async function paced(
  items: readonly string[],
  withinMs: number,
  share: number,
  act: (batch: readonly string[]) => Promise<boolean>,
): Promise<readonly string[]> {
  const perMs = Math.max((share * MIN_PER_SECOND) / 1_000, items.length / withinMs);
  let next = performance.now();
  for (let first = 0; first < items.length; first += BATCH) {
    const left = next - performance.now();
    if (left > 1) await delay(left, undefined, { ref: false });
    const batch = items.slice(first, first + BATCH);
    next = Math.max(next, performance.now()) + batch.length / perMs;
    if (!(await act(batch))) return items.slice(first + BATCH);
  }
  return [];
}

/** The longest planned time of a sweep, as a share of `sweepMs`. Two such sweeps leave time for the shortest pause. */
export const LONGEST_SWEEP: number = 3 / 8;
const SHORTEST_PAUSE = 1 / 4;

/**
 * The pause between two sweeps, milliseconds. `tookMs`: how long the previous sweep took. If sweeps take at most `LONGEST_SWEEP`, each
 * item is read again within `sweepMs`. The pause is shortened by two sweeps, because the first item of one sweep may be the last item
 * of the next. If Redis is overloaded and sweeps take longer, a pause remains, so that Redis can recover. The pause is random, because
 * otherwise processes that started together would sweep together.
 */
export function sweepPause(sweepMs: number, tookMs: number, random: number = Math.random()): number {
  return Math.max(sweepMs * SHORTEST_PAUSE, Math.min(sweepMs * (0.5 + random / 2), sweepMs - 2 * tookMs));
}
