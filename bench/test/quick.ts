import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** Runs the quick form of a bench as users run it, built, and reads the JSON object of its last line. */
export async function quick(bench: string): Promise<Readonly<Record<string, unknown>>> {
  const file = join(import.meta.dirname, "..", "dist", `${bench}.js`);
  const { stdout } = await run(process.execPath, [file, "--quick", "--json"], { timeout: 400_000 });
  return JSON.parse(stdout.trim().split("\n").at(-1) ?? "") as Record<string, unknown>;
}
