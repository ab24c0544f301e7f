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

/** A package with a program and without an export is a command. */
function manifestOf(folder: string): { readonly name: string; readonly isCommand: boolean } {
  const text = readFileSync(join(root, "packages", folder, "package.json"), "utf8");
  const { name, bin }: { name: string; bin?: object } = JSON.parse(text);
  return { name, isCommand: bin !== undefined };
}

describe.each(packages)("the README of %s", (folder) => {
  const { name, isCommand } = manifestOf(folder);
  const text = readFileSync(join(root, "packages", folder, "README.md"), "utf8");
  const [title, , description = ""] = text.split("\n");

  test("says what the package is, how to install it, and shows a program", () => {
    expect(title).toBe(`# ${name}`);
    expect(description.length).toBeGreaterThan(40);
    const install = name.startsWith("create-") ? `npm ${name.replace("-", " ")}` : `npm install .*${name}`;
    expect(text).toMatch(new RegExp(`^${install}\\b`, "m"));
    // examples/test/readmes.test.ts runs the programs; the tests of the command run what a shell runs.
    expect(text).toMatch(isCommand ? /^```sh\n/m : /^```(?:ts|js)\n/m);
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
