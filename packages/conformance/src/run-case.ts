import type { RunOptions } from "./check-harness.ts";
import { within } from "./waiting.ts";

interface Case<Trial> {
  readonly name: string;
  readonly run: (trial: Trial) => Promise<void>;
}

/**
 * Runs one case with a trial of its own, and disposes of the trial. Each of the two has the time limit, because a broken
 * implementation may let either wait for ever.
 */
export async function runCase<Trial extends { dispose(): Promise<void> }>(
  { name, run }: Case<Trial>,
  open: () => Trial | Promise<Trial>,
  options: RunOptions,
  defaultTimeoutMs: number,
): Promise<void> {
  const { timeoutMs = defaultTimeoutMs } = options;
  const trial = await open();
  try {
    await within(timeoutMs, name, run(trial));
  } finally {
    await within(timeoutMs, `the end of: ${name}`, trial.dispose());
  }
}
