import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { occurrences } from "./copy.mjs";
import { mutants } from "./mutants.mjs";
import { unmatchedParts } from "./test-names.mjs";

const run = promisify(execFile);
/** Names the mutants whose `-t` pattern selects no test: no test would run, and the mutant would count as not noticed. */
function withoutTests(candidates: readonly Pick<(typeof mutants)[number], "name" | "tests">[]): string[] {
  return candidates.flatMap(({ name, tests: [, , file = "", , pattern] }) =>
    pattern === undefined
      ? []
      : unmatchedParts(file, pattern).map((part) => `${name}: no test of ${file} has "${part}" in its name`),
  );
}

const script = join(import.meta.dirname, "run.mjs");

describe("mutants (the long form is npm run test:mutants)", () => {
  test("each has a name of its own, and stands once in the source that it breaks", async () => {
    expect(new Set(mutants.map(({ name }) => name)).size).toBe(mutants.length);
    const found = await Promise.all(
      mutants.map(async (mutant) => ({ name: mutant.name, times: await occurrences(mutant) })),
    );
    expect(found.filter(({ times }) => times !== 1)).toEqual([]);
  });

  test("the pattern of each mutant matches the name of a test in the file that the mutant names", () => {
    expect(withoutTests(mutants)).toEqual([]);
  });

  test("a pattern that matches no test's name is reported with its mutant and its file", () => {
    const planted = (file: string, pattern: string) => ({
      name: "planted",
      tests: ["--project", "tests", file, "-t", pattern],
    });
    const client = "packages/client/test/client.test.ts";
    const overtaken = "tests/overtaken.test.ts";
    expect(
      withoutTests([
        planted(client, "an ack settles all|an ack settles none"),
        planted(client, "close code 4409 ends"),
        planted(client, "close code 4409 begins"),
        planted(overtaken, "identify, .*a destroySubject meanwhile, here"),
        planted(overtaken, "identify, .*a destroySubject meanwhile, nowhere"),
      ]),
    ).toEqual([
      `planted: no test of ${client} has "an ack settles none" in its name`,
      `planted: no test of ${client} has "close code 4409 begins" in its name`,
      `planted: no test of ${overtaken} has "a destroySubject meanwhile, nowhere" in its name`,
    ]);
  });

  test("docs/testing.md says how many there are at least, and how many are equivalent", async () => {
    const page = await readFile(join(import.meta.dirname, "../../docs/testing.md"), "utf8");
    const said = /more than (\d+) mutants, and (\d+) of them are equivalent/.exec(page);
    expect(mutants.length).toBeGreaterThan(Number(said?.[1]));
    expect(mutants.filter(({ equivalent }) => equivalent !== undefined)).toHaveLength(Number(said?.[2]));
  });

  test("a mutant is detected, in a copy of the checkout", { timeout: 120_000 }, async () => {
    const { stdout } = await run(process.execPath, [script, "--only", "loss-without-mark"]);
    expect(stdout).toContain("1/1 loss-without-mark: noticed");
    expect(stdout.trimEnd().endsWith("1 passed, 0 failed")).toBe(true);
  });
});
