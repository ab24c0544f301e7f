import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { codesIn } from "./codes-in.ts";

const root = join(import.meta.dirname, "..");
const NUMBER = /\bI(\d{1,2})\b/g;

interface Row {
  readonly number: string;
  readonly promise: string;
  readonly sources: readonly string[];
  readonly tests: readonly string[];
}

/** The rows of docs/invariants.md, with the files as paths from the root. */
function rows(): Row[] {
  return read("docs/invariants.md")
    .split("\n")
    .filter((line) => line.startsWith("| **I"))
    .map((line) => {
      const [, number = "", promise = "", sources = "", tests = ""] = line
        .split("|")
        .map((cell) => cell.trim());
      return { number: number.replaceAll("*", ""), promise, sources: files(sources), tests: files(tests) };
    });
}

/** `core/connection/inbox.ts` stands for the source file, `core/test/inbox.test.ts` and `tests/…` for tests. */
function files(cell: string): string[] {
  return codesIn(cell).map((path) => {
    if (path.startsWith("tests/")) return path;
    const [name = "", ...rest] = path.split("/");
    return rest[0] === "test" ? `packages/${path}` : ["packages", name, "src", ...rest].join("/");
  });
}

function read(path: string): string {
  return readFileSync(join(root, path), "utf8");
}

function cited(path: string): string[] {
  return [...read(path).matchAll(NUMBER)].map(([citation]) => citation);
}

describe("docs/invariants.md", () => {
  test("numbers the invariants from I1 on without a gap, each with a sentence", () => {
    expect(rows().map(({ number }) => number)).toEqual(rows().map((_, index) => `I${index + 1}`));
    expect(rows().filter(({ promise }) => !/^[A-Z`].*\.$/.test(promise))).toEqual([]);
  });

  test.each(rows().map((row) => [row.number, row] as const))(
    "%s is cited in every file that its row names, in source and in tests",
    (number, { sources, tests }) => {
      expect(sources.length).toBeGreaterThan(0);
      expect(tests.length).toBeGreaterThan(0);
      for (const file of [...sources, ...tests])
        expect([file, cited(file).includes(number)]).toEqual([file, true]);
    },
  );

  test("defines every number that source, tests or docs cite", () => {
    const defined = new Set(rows().map(({ number }) => number));
    const listed = execFileSync("git", ["ls-files", "*.ts", "*.mjs", "*.lua", "*.md"], {
      cwd: root,
      encoding: "utf8",
    });
    const unknown = listed
      .split("\n")
      .filter((path) => path !== "")
      .flatMap((path) => cited(path).map((number) => ({ path, number })))
      .filter(({ number }) => !defined.has(number));
    expect(unknown).toEqual([]);
  });
});
