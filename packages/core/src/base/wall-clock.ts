/** Milliseconds. If the wall clock and the monotonic clock drift apart by more than this, the wall clock was set. */
const CLOCK_STEP_MS = 100;

/** The wall clock minus the monotonic clock. Changed only if the wall clock was set, so that one deadline always reads as one time. */
let offset = performance.timeOrigin;

/** Converts a time of the monotonic clock to milliseconds since the epoch. */
export function wallClock(at: number): number {
  const current = Date.now() - performance.now();
  if (Math.abs(current - offset) > CLOCK_STEP_MS) offset = current;
  return Math.round(at + offset);
}
