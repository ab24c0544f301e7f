/** The tests that docs/security.md cites, as `[name](../file.ts) › the start of the test's name`. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

const docs = join(import.meta.dirname, "..", "docs");
const page = readFileSync(join(docs, "security.md"), "utf8");

interface Citation {
  readonly file: string;
  readonly name: string;
}

/** A citation ends with its sentence, with its cell of a table, or before the next one. */
function citationsOf(text: string): Citation[] {
  const found = text.matchAll(/\]\((\S+\.ts)\)\s›\s+(.+?)(?=;| \||\.\s|\n\n)/gs);
  return [...found].map(([, file = "", name = ""]) => ({ file, name: name.replaceAll(/\s+/g, " ") }));
}

/** The names of a file's tests, among other strings that begin an argument, an item or a line. */
function namesIn(file: string): string[] {
  const source = readFileSync(join(docs, file), "utf8");
  return [...source.matchAll(/(?:\(|name: |^\s+)"(.*?)"(?=[,)])/gm)].map(([, name = ""]) => name);
}

/** A name may begin with the values of a table: "with the %s store: …". */
function faultsOf(text: string): string[] {
  return citationsOf(text)
    .filter(({ file, name }) => {
      const names = namesIn(file).map((each) => each.replace(/^with the %s store: /, ""));
      return !names.some((each) => each.startsWith(name));
    })
    .map(({ file, name }) => `${file} has no test "${name}"`);
}

test("each test that docs/security.md cites stands in the cited file", () => {
  expect(citationsOf(page)).toHaveLength([...page.matchAll(/\.ts\)\s+›/g)].length);
  expect(citationsOf(page).length).toBeGreaterThan(30);
  expect(faultsOf(page)).toEqual([]);
});

test("a citation of another name, or of another file, is a fault", () => {
  expect(faultsOf(page.replace("› idle time counts", "› idle times count"))).toEqual([
    '../tests/security/lifetime.test.ts has no test "idle times count"',
  ]);
  const moved = page.replace("(../packages/http/test/cases.ts)", "(../packages/http/test/logins.test.ts)");
  expect(faultsOf(moved)).toHaveLength(1);
});
