import { checkRunOptions } from "./check-harness.ts";
import type { RunOptions } from "./check-harness.ts";
import { within } from "./waiting.ts";

interface Case<Trial> {
  readonly name: string;
  readonly run: (trial: Trial) => Promise<void>;
}

/**
 * Runs one case with a trial of its own, and disposes of the trial. Each of the two has the time limit, because a broken
 * implementation may let either wait for ever.
 *
 * @throws INVALID_ARGUMENT at once for an invalid option.
 */
export function runCase<Trial extends { dispose(): Promise<void> }>(
  one: Case<Trial>,
  open: () => Trial | Promise<Trial>,
  options: RunOptions,
  defaultTimeoutMs: number,
): Promise<void> {
  checkRunOptions(options);
  return runWithin(one, open, options.timeoutMs ?? defaultTimeoutMs);
}

async function runWithin<Trial extends { dispose(): Promise<void> }>(
  { name, run }: Case<Trial>,
  open: () => Trial | Promise<Trial>,
  timeoutMs: number,
): Promise<void> {
  const trial = await open();
  try {
    await within(timeoutMs, name, run(trial));
  } finally {
    await within(timeoutMs, `the end of: ${name}`, trial.dispose());
  }
}
