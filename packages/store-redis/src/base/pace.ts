import { setTimeout as delay } from "node:timers/promises";

/** Items that are begun at once. */
const BATCH = 128;
/** What a server is asked without a thought. */
const LEAST_PER_SECOND = 1_000;

/**
 * Calls `act` for batches of `items`, at most 1,000 items a second, or as many as it takes to be done within `withinMs`: a
 * process that asked for all that it holds at once, as all its neighbours may, would keep Redis from everything else. Ends where
 * `act` answers false. Returns what was not begun.
 */
export async function paced(
  items: readonly string[],
  withinMs: number,
  share: number,
  act: (batch: readonly string[]) => Promise<boolean>,
): Promise<readonly string[]> {
  const perMs = Math.max((share * LEAST_PER_SECOND) / 1_000, items.length / withinMs);
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
