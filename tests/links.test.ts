import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";

const root = join(import.meta.dirname, "..");
const pages = execFileSync("git", ["ls-files", "*.md"], { cwd: root, encoding: "utf8" }).trim().split("\n");

/** The anchors of a page's headings, as GitHub makes them. */
function anchors(path: string): Set<string> {
  const headings = readFileSync(path, "utf8").matchAll(/^#+ (.*)$/gm);
  return new Set(
    [...headings].map(([, text = ""]) =>
      text
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N}\s_-]/gu, "")
        .trim()
        .replaceAll(" ", "-"),
    ),
  );
}

/** What is wrong with a link that stands on `page`; `undefined` for nothing. */
function fault(page: string, link: string): string | undefined {
  const [file = "", anchor] = link.split("#");
  const target = file === "" ? join(root, page) : join(root, dirname(page), file);
  if (!existsSync(target)) return `${page}: ${link} leads nowhere`;
  if (anchor === undefined || !target.endsWith(".md")) return undefined;
  return anchors(target).has(anchor) ? undefined : `${page}: ${link} names no heading`;
}

test("every link between the pages leads to a file, and to a heading where it names one", () => {
  const faults = pages.flatMap((page) => {
    const text = readFileSync(join(root, page), "utf8").replaceAll(/^```.*?^```$/gms, "");
    return [...text.matchAll(/\]\(([^)\s]+)\)/g)]
      .map(([, link = ""]) => link)
      .filter((link) => !/^[a-z]+:/.test(link))
      .map((link) => fault(page, link))
      .filter((message) => message !== undefined);
  });
  expect(faults).toEqual([]);
});
