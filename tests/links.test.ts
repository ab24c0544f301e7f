import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";

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

/** The addresses of all links of a page, without those in code blocks. */
function linksOf(text: string): string[] {
  const links = text.replaceAll(/^```.*?^```$/gms, "").matchAll(/\]\(([^)\s]+)\)/g);
  return [...links].map(([, link = ""]) => link);
}

test("every link between the pages leads to a file, and to a heading where it names one", () => {
  const faults = pages.flatMap((page) => {
    return linksOf(readFileSync(join(root, page), "utf8"))
      .filter((link) => !/^[a-z]+:/.test(link))
      .map((link) => fault(page, link))
      .filter((message) => message !== undefined);
  });
  expect(faults).toEqual([]);
});

test("every link to another site is encrypted and complete", () => {
  const links = pages.flatMap((page) => linksOf(readFileSync(join(root, page), "utf8")));
  const others = links.filter((link) => /^[a-z]+:/.test(link) && !link.startsWith("mailto:"));
  expect(others.length).toBeGreaterThan(100);
  expect(others.filter((link) => !/^https:\/\/(?:[\w-]+\.)+[a-z]+(?:\/[^\s<>"]*)?$/.test(link))).toEqual([]);
});

describe("the comparison", () => {
  /** How the addresses of each product's own pages begin. Those of wsession are in the repository. */
  const homes = {
    wsession: /^(?![a-z]+:)/,
    ws: /^https:\/\/github\.com\/websockets\/ws\b/,
    crossws: /^https:\/\/(?:crossws\.h3\.dev|github\.com\/h3js\/crossws)\b/,
    "Socket.IO": /^https:\/\/(?:socket\.io\/docs|github\.com\/socketio\/socket\.io)\b/,
    SignalR: /^https:\/\/(?:learn\.microsoft\.com\/(?:aspnet|dotnet)|github\.com\/dotnet\/aspnetcore)\b/,
    Centrifugo: /^https:\/\/(?:centrifugal\.dev\/docs|github\.com\/centrifugal\/centrifugo)\b/,
    Ably: /^https:\/\/(?:ably\.com\/docs|github\.com\/ably\/ably-js)\b/,
  };
  /** What says that there is nothing to cite. */
  const plain = new Set([
    "any WebSocket",
    "at most once",
    "does not apply",
    "in your process",
    "left to your code",
    "not needed",
    "the same",
    "what you write",
  ]);

  /** What is wrong with a row of a table; nothing for a row that is not about a product. */
  function faultsOf(line: string): string[] {
    const [first = "", ...cells] = line
      .slice(1, -1)
      .split("|")
      .map((cell) => cell.trim());
    const products = first.replace(/^\[(.*)\]\(.*\)$/, "$1").split(", ");
    const own = Object.entries(homes).flatMap(([name, home]) => (products.includes(name) ? [home] : []));
    if (own.length === 0) return [];
    const foreign = linksOf(line).filter((link) => !own.some((home) => home.test(link)));
    // The table of the products links to them in its first cell.
    const bare = first.startsWith("[")
      ? []
      : cells.filter((cell) => !plain.has(cell) && linksOf(cell).length === 0);
    return [
      ...foreign.map((link) => `${first}: ${link} is no page of the product`),
      ...bare.map((cell) => `${first}: "${cell}" has no source`),
    ];
  }

  const [introduction = "", ...sections] = readFileSync(join(root, "docs", "comparison.md"), "utf8").split(
    /^## /m,
  );
  /** Its figures are those of a bench, which the sentence above the table names. */
  const measured = "Cost of a message";
  const tables = [introduction, ...sections.filter((section) => !section.startsWith(measured))].map(
    (section) =>
      section
        .split("\n")
        .filter((line) => line.startsWith("|") && !line.startsWith("| wsession | the release")),
  );

  test("each statement about a product has a source, which is a page of that product", () => {
    const lines = tables.flat();
    expect(lines.flatMap(faultsOf)).toEqual([]);
    expect(lines.length).toBeGreaterThan(50);
  });

  test("the table of costs says where the figures were measured", () => {
    const [, lead = ""] = sections.find((section) => section.startsWith(measured))?.split("\n\n") ?? [];
    expect(lead).toContain("npm run bench:overhead");
    expect(linksOf(lead)).toEqual(["performance.md"]);
  });

  test("each paragraph about a product has a source", () => {
    const paragraphs = sections.slice(1).flatMap((section) => section.split(/\n\n|\n(?=- )/).slice(1));
    const bare = paragraphs.filter(
      (text) =>
        !text.startsWith("|") &&
        Object.keys(homes).some((name) => name !== "wsession" && text.includes(name)) &&
        linksOf(text).length === 0,
    );
    expect(bare).toEqual([]);
  });

  test.each([
    ["| ws | 3 ms |", "has no source"],
    ["| Ably | [3 ms](https://example.com/) |", "is no page of the product"],
    ["| Centrifugo | [3 ms](https://ably.com/docs) |", "is no page of the product"],
  ])("a row like %s is a fault", (line, reason) => {
    expect(faultsOf(line)).toEqual([expect.stringContaining(reason)]);
  });
});
