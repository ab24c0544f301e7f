/** The end of `.ci/run`: the failed tests, and the line with the totals. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { expect, onTestFinished, test } from "vitest";
import { root } from "../run-tool.mjs";

function totalsOf(report: unknown): { readonly status: number | null; readonly output: string } {
  const folder = mkdtempSync(join(tmpdir(), "wsession-totals-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, "tests.json");
  writeFileSync(file, JSON.stringify(report));
  const { status, stdout } = spawnSync(process.execPath, [join(root, "scripts/totals.mjs"), file], {
    encoding: "utf8",
    cwd: root,
  });
  return { status, output: stdout };
}

const passed = { status: "passed", fullName: "a suite passes", failureMessages: [] };

test("the totals of a run without a failure are one line", () => {
  const testResults = [{ name: join(root, "tests/a.test.ts"), status: "passed", assertionResults: [passed] }];
  const { status, output } = totalsOf({ numPassedTests: 1, numFailedTests: 0, testResults });
  expect([status, output]).toEqual([0, "1 passed, 0 failed\n"]);
});

test("each failed test, and each file that could not be loaded, is shown before the last line", () => {
  const failed = {
    status: "failed",
    fullName: "a suite fails",
    failureMessages: ["Error: expected 1\n    at x"],
  };
  const testResults = [
    { name: join(root, "tests/a.test.ts"), status: "failed", assertionResults: [passed, failed] },
    {
      name: join(root, "tests/b.test.ts"),
      status: "failed",
      message: "no such package",
      assertionResults: [],
    },
  ];
  const { status, output } = totalsOf({ numPassedTests: 1, numFailedTests: 1, testResults });
  expect(status).toBe(1);
  expect(output).toContain("FAILED tests/a.test.ts > a suite fails\n  Error: expected 1\n      at x\n");
  expect(output).toMatch(/FAILED .*b\.test\.ts\n {2}no such package\n/);
  expect(output.trimEnd().split("\n").at(-1)).toBe("1 passed, 2 failed");
});
