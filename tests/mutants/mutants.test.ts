import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { occurrences } from "./copy.mjs";
import { mutants } from "./mutants.mjs";

const run = promisify(execFile);
const script = join(import.meta.dirname, "run.mjs");

describe("mutants (the long form is npm run test:mutants)", () => {
  test("each has a name of its own, and stands once in the source that it breaks", async () => {
    expect(new Set(mutants.map(({ name }) => name)).size).toBe(mutants.length);
    const found = await Promise.all(
      mutants.map(async (mutant) => ({ name: mutant.name, times: await occurrences(mutant) })),
    );
    expect(found.filter(({ times }) => times !== 1)).toEqual([]);
  });

  test("docs/testing.md says how many there are at least, and how many are equivalent", async () => {
    const page = await readFile(join(import.meta.dirname, "../../docs/testing.md"), "utf8");
    const said = /more than (\d+) mutants, and (\d+) of them are equivalent/.exec(page);
    expect(mutants.length).toBeGreaterThan(Number(said?.[1]));
    expect(mutants.filter(({ equivalent }) => equivalent !== undefined)).toHaveLength(Number(said?.[2]));
  });

  test("one is noticed, in a copy of the checkout", { timeout: 120_000 }, async () => {
    const { stdout } = await run(process.execPath, [script, "--only", "loss-without-mark"]);
    expect(stdout).toContain("1/1 loss-without-mark: noticed");
    expect(stdout.trimEnd().endsWith("1 passed, 0 failed")).toBe(true);
  });
});
