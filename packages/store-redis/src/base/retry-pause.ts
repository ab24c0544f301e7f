const MIN_PAUSE_MS = 25;
const MAX_PAUSE_MS = 1_000;
const MAX_DOUBLINGS = 10;

/**
 * The delay before the next attempt, in milliseconds. It is random, because otherwise processes that lost the
 * same server would all reconnect at the same time.
 */
export function retryPause(times: number): number {
  const longest = Math.min(MIN_PAUSE_MS * 2 ** Math.min(times, MAX_DOUBLINGS), MAX_PAUSE_MS);
  return longest / 2 + (Math.random() * longest) / 2;
}
