/** The READMEs of the packages, which npm shows: there a relative link leads nowhere. */
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { anchorOf } from "../site/links.mjs";
import { repository, root } from "../site/repository.mjs";

const packages = readdirSync(join(root, "packages"));

/** What is wrong with a link of a package's README; `undefined` for nothing. */
function fault(link: string): string | undefined {
  if (!link.startsWith("https://")) return `${link} is no absolute address`;
  if (!/github\.com\/[^/]+\/wsession\b/.test(link) || link === `${repository}#readme`) return undefined;
  const [, kind, path = "", heading] =
    /^\/(blob|tree)\/main\/([^#]+)(?:#(.*))?$/.exec(
      link.startsWith(repository) ? link.slice(repository.length) : "",
    ) ?? [];
  if (kind === undefined) return `${link} does not start with the repository of package.json`;
  const file = join(root, path);
  if (!existsSync(file) || statSync(file).isDirectory() !== (kind === "tree")) return `${link} leads nowhere`;
  if (heading === undefined) return undefined;
  const headings = [...readFileSync(file, "utf8").matchAll(/^#+ (.*)$/gm)].map(([, text = ""]) =>
    anchorOf(text),
  );
  return headings.includes(heading) ? undefined : `${link} names no heading`;
}

/** A package without an export is a command. */
function isCommand(name: string): boolean {
  return !readFileSync(join(root, "packages", name, "package.json"), "utf8").includes(
    '"types": "./dist/index.d.ts"',
  );
}

describe.each(packages)("the README of %s", (name) => {
  const text = readFileSync(join(root, "packages", name, "README.md"), "utf8");
  const [title, , description = ""] = text.split("\n");

  test("says what the package is, how to install it, and shows a program", () => {
    expect(title).toBe(`# @wsession/${name}`);
    expect(description.length).toBeGreaterThan(40);
    expect(text).toMatch(new RegExp(`^npm install .*@wsession/${name}\\b`, "m"));
    // examples/test/readmes.test.ts runs the programs; the tests of the command run what a shell runs.
    expect(text).toMatch(isCommand(name) ? /^npx wsession /m : /^```(?:ts|js)\n/m);
  });

  test("links to its pages by addresses of the repository that exist", () => {
    const links = [...text.replaceAll(/^```.*?^```$/gms, "").matchAll(/\]\(([^)\s]+)\)/g)].map(
      ([, link = ""]) => link,
    );
    expect(links.filter((link) => link.startsWith(`${repository}/blob/main/docs/`)).length).toBeGreaterThan(
      0,
    );
    expect(links.map(fault).filter((one) => one !== undefined)).toEqual([]);
  });
});

test.each([
  ["../../docs/http.md", "absolute"],
  ["https://github.com/someone/wsession/blob/main/README.md", "repository"],
  [`${repository}/blob/main/docs/missing.md`, "nowhere"],
  [`${repository}/blob/main/docs/http.md#missing`, "heading"],
])("the link %s is a fault", (link, reason) => {
  expect(fault(link)).toContain(reason);
});
