import { once } from "node:events";
import { createInterface } from "node:readline/promises";
import { UsageError } from "./failures.ts";
import { safeText } from "./output/safe-text.ts";

/**
 * Asks on the terminal, and returns whether the answer is yes. Throws a UsageError without a terminal, because then no answer is
 * possible.
 */
export async function confirm(question: string, isYes: boolean, signal: AbortSignal): Promise<boolean> {
  if (isYes) return true;
  if (!process.stdin.isTTY || !process.stderr.isTTY)
    throw new UsageError("there is no terminal for the question: give --yes");
  const asking = createInterface({ input: process.stdin, output: process.stderr });
  // In raw mode the terminal sends Ctrl-C to readline, and no signal to the process.
  asking.on("SIGINT", () => process.kill(process.pid, "SIGINT"));
  try {
    // Without this, the end of the input (Ctrl-D) would leave the question open for ever.
    const ended = once(asking, "close").then(() => "");
    const answer = await Promise.race([asking.question(`${safeText(question)} [y/N] `, { signal }), ended]);
    return /^y(?:es)?$/i.test(answer.trim());
  } catch (error) {
    if (signal.aborted) return false;
    throw error;
  } finally {
    asking.close();
  }
}
