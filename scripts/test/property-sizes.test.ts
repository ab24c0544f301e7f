import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { root } from "../run-tool.mjs";

/** The options of generators of fast-check that name a length which the generator does not reach with its default size. */
function tooShort(source: string): string[] {
  return [...source.matchAll(/[^{}]*maxLength: (\d+)[^{}]*/g)]
    .filter(([options, most]) => {
      const [, least = "0"] = /minLength: (\d+)/.exec(options) ?? [];
      return Number(most) - Number(least) > 10 && !/size: "max"/.test(options);
    })
    .map(([options]) => options.trim());
}

test("a string or a list of a property test is generated up to the length that it names", () => {
  const files = execFileSync("git", ["ls-files", "*.test.ts"], { cwd: root, encoding: "utf8" })
    .trim()
    .split("\n");
  const properties = files
    .map((file) => ({ file, source: readFileSync(join(root, file), "utf8") }))
    .filter(({ source }) => /^import .+ from "fast-check";$/m.test(source));
  expect(properties.length).toBeGreaterThan(5);
  expect(
    properties.flatMap(({ file, source }) => tooShort(source).map((found) => `${file}: ${found}`)),
  ).toEqual([]);
});

test("options without the size are found, also in several lines", () => {
  expect(tooShort('fc.string({ unit: "binary", maxLength: 200 })')).toEqual([
    'unit: "binary", maxLength: 200',
  ]);
  expect(tooShort("fc.array(one, {\n  minLength: 1,\n  maxLength: 40,\n})")).toHaveLength(1);
  expect(tooShort('fc.array(one, { maxLength: 40, size: "max" })')).toEqual([]);
  expect(tooShort("fc.string({ minLength: 66, maxLength: 66 })")).toEqual([]);
  expect(tooShort("fc.array(one, { maxLength: 8 })")).toEqual([]);
});
