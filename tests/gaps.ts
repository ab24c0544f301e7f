/** Gaps that end with the test. */
import { afterEach } from "vitest";
import { Gap } from "./held.ts";

const gaps = new Set<Gap>();

// Vitest runs this hook before the functions of `onTestFinished`, which close the sessions. `close` waits for the call in the gap, so a
// test that fails before it calls `letGo` would otherwise wait until the time limit of the hook.
afterEach(() => {
  for (const gap of gaps) gap.letGo();
  gaps.clear();
});

/** Makes a gap that is released at the end of the test at the latest. */
export function newGap(): Gap {
  const gap = new Gap();
  gaps.add(gap);
  return gap;
}
