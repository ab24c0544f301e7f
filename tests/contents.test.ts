/** docs/README.md, the contents of the pages, which is also the sidebar of the site. */
import { execFileSync } from "node:child_process";
import { dirname, join, posix } from "node:path";
import { expect, test } from "vitest";
import { readFile } from "node:fs/promises";
import { contents, pathOnSite } from "../site/contents.mjs";

const root = dirname(import.meta.dirname);
const listed = contents(root).flatMap(({ pages }) => pages.map(({ source }) => source));

/** The Markdown files of the repository that match. */
function pagesOf(...patterns: string[]): string[] {
  return execFileSync("git", ["ls-files", ...patterns], { cwd: root, encoding: "utf8" })
    .trim()
    .split("\n");
}

test("each page of docs and each package's README stands in the contents once", () => {
  const pages = pagesOf(":(glob)docs/*.md", ":(glob)packages/*/README.md");
  expect(pages.length).toBeGreaterThan(30);
  const expected = pages.filter((page) => page !== "docs/README.md");
  const others = listed.filter((page) => !expected.includes(page));
  expect(listed.filter((page) => expected.includes(page)).toSorted()).toEqual(expected.toSorted());
  expect(others).toEqual(["CONTRIBUTING.md", "docs/decisions/README.md"]);
});

test("each page in a folder of docs is linked from the contents of the folder", async () => {
  const pages = pagesOf(":(glob)docs/*/**/*.md").filter((page) => !page.endsWith("/README.md"));
  expect(pages.length).toBeGreaterThan(10);
  const texts = new Map<string, string>();
  for (const folder of new Set(pages.map((page) => posix.dirname(page))))
    texts.set(folder, await readFile(join(root, folder, "README.md"), "utf8"));
  const orphans = pages.filter(
    (page) => texts.get(posix.dirname(page))?.includes(`(${posix.basename(page)})`) !== true,
  );
  expect(orphans).toEqual([]);
});

test("no two pages have the same path on the site", () => {
  const pages = pagesOf("README.md", "CONTRIBUTING.md", "docs/*.md", ":(glob)packages/*/README.md");
  expect(new Set(pages.map(pathOnSite)).size).toBe(pages.length);
});
