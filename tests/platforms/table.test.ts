import { readFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { describe, expect, it } from "vitest";
import { tables } from "./plan.mjs";
import { runSuite } from "./suite-run.mjs";
import { markdown, replaceTable } from "./table.mjs";

const page = readFileSync(join(import.meta.dirname, "..", "..", "docs", "compatibility.md"), "utf8");

describe("the tables that npm run test:matrix writes", () => {
  it.each(tables)(
    "compatibility.md has the table $title, with a row for each platform",
    ({ title, rows }) => {
      const table =
        page.split(`<!-- test:matrix ${title} -->`)[1]?.split(`<!-- end of ${title} -->`)[0] ?? "";
      expect(table).toMatch(/^\s*Run on \d{4}-\d{2}-\d{2}\./);
      expect(table.trim().split("\n").slice(4)).toHaveLength(rows.length);
    },
  );

  it("count the tests that passed, and name what failed, what did not run and what has no test", () => {
    const suites = ["one", "two", "three", "four"].map((title) => ({ title, args: [] }));
    const cells = new Map([
      ["one", { passed: 3, failures: [] }],
      ["two", { passed: 2, failures: ["I1"] }],
      ["three", { passed: 0, failures: [] }],
    ]);
    expect(markdown({ head: "row", suites }, [{ title: "A", cells }], new Date("2026-11-27"))).toBe(
      [
        "Run on 2026-11-27.\n",
        "| row | one | two | three | four |",
        "| --- | --- | --- | --- | --- |",
        "| A | 3 of 3 | **2 of 3** | **no test ran** | not run |",
      ].join("\n"),
    );
  });

  it("stay apart: a table replaces the one of its title alone", () => {
    const two = ["A", "B"]
      .map((title) => `<!-- test:matrix ${title} -->\n\nold\n\n<!-- end of ${title} -->\n`)
      .join("");
    expect(replaceTable(two, "B", "new")).toBe(two.replace(/old(?=\n\n<!-- end of B)/, "new"));
    expect(() => replaceTable(two, "C", "new")).toThrow('no marks for the table "C"');
  });
});

describe("a run of the matrix", () => {
  it("has one failure where vitest breaks before its first test", async () => {
    const platform = {
      node: process.execPath,
      env: { ...process.env, NODE_OPTIONS: "--import=./nowhere.mjs" },
    };
    const { passed, failures } = await runSuite(platform, []);
    expect(passed).toBe(0);
    expect(failures).toHaveLength(1);
  });
});
