import { readFileSync } from "node:fs";
import process from "node:process";
import { describe, expect, it } from "vitest";
import { PAGE, pageTables, readResults } from "./results.mjs";
import { runSuites } from "./suite-run.mjs";
import { markdown, replaceTable, shownTable } from "./table.mjs";

const page = readFileSync(PAGE, "utf8");
const results = readResults();

describe("the tables that npm run test:matrix, test:runtimes and test:browsers write", () => {
  it.each(pageTables)("compatibility.md shows the results in the table $title as they were kept", (table) => {
    expect(shownTable(page, table.title)).toBe(markdown(table, results[table.title] ?? {}));
  });

  it.each(pageTables)(
    "each row of $title was run, with every column that applies to it",
    ({ title, rows }) => {
      const found = rows.map(({ id }) => {
        const line = results[title]?.[id];
        expect(line?.day).toMatch(/^\d{4}-\d{2}-\d{2}$/);
        return [id, Object.keys(line?.cells ?? {})];
      });
      expect(found).toEqual(rows.map(({ id, suites }) => [id, suites.map((suite) => suite.title)]));
    },
  );

  it("count the tests that passed, and name what failed, what did not run, what has no test and what does not apply", () => {
    const suites = ["one", "two", "three", "four", "five"].map((name) => ({ title: name }));
    const rows = [
      { id: "a", suites: suites.slice(0, 4) },
      { id: "b", suites },
    ];
    const cells = {
      one: { passed: 3, failures: [] },
      two: { passed: 2, failures: ["I1"] },
      three: { passed: 0, failures: [] },
    };
    const lines = { a: { title: "A 1.0", day: "2026-11-27", cells } };
    expect(markdown({ title: "planted", head: "row", suites, rows }, lines)).toBe(
      [
        'A cell with "not run" was not run yet.',
        "",
        "| row | one | two | three | four | five | run on |",
        "| --- | --- | --- | --- | --- | --- | --- |",
        "| A 1.0 | 3 of 3 | **2 of 3** | **no test ran** | not run | – | 2026-11-27 |",
        "| b | not run | not run | not run | not run | not run |  |",
      ].join("\n"),
    );
    const one = suites.slice(0, 1);
    const whole = { title: "planted", head: "row", suites: one, rows: [{ id: "a", suites: one }] };
    expect(markdown(whole, lines)).toMatch(/^\| row \| one \| run on \|\n/);
    expect(markdown({ ...whole, isTurned: true }, lines).split("\n")).toEqual([
      "| row | A 1.0 |",
      "| --- | --- |",
      "| one | 3 of 3 |",
      "| run on | 2026-11-27 |",
    ]);
  });

  it("stay apart: a table replaces the one of its title alone", () => {
    const two = ["A", "B"]
      .map((title) => `<!-- results ${title} -->\n\nold\n\n<!-- end of ${title} -->\n`)
      .join("");
    expect(replaceTable(two, "B", "new")).toBe(two.replace(/old(?=\n\n<!-- end of B)/, "new"));
    expect(() => replaceTable(two, "C", "new")).toThrow('no marks for the table "C"');
  });
});

describe("a run of the matrix", () => {
  it("has one failure in each suite where vitest breaks before its first test", async () => {
    const platform = {
      node: process.execPath,
      env: { ...process.env, NODE_OPTIONS: "--import=./nowhere.mjs" },
    };
    const suites = ["one", "two"].map((title) => ({ title, files: "" }));
    const cells = Object.values((await runSuites(platform, { args: [], suites })).cells);
    expect(cells).toHaveLength(2);
    for (const { passed, failures } of cells) {
      expect(passed).toBe(0);
      expect(failures).toHaveLength(1);
    }
  });
});
