/** The workflows of .github: nothing here can run them, so what they name is checked. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { baseOf } from "../../site/base.mjs";
import { root } from "../run-tool.mjs";

const folder = join(root, ".github", "workflows");
const workflows = readdirSync(folder).map((name) => ({
  name,
  text: readFileSync(join(folder, name), "utf8"),
}));
const { scripts }: { scripts: Record<string, string> } = JSON.parse(
  readFileSync(join(root, "package.json"), "utf8"),
);

/** What a workflow names and the repository does not have. */
function missing(text: string): string[] {
  const commands = [...text.matchAll(/\bnpm run (?:--silent )?([\w:]+)/g)].map(([, name = ""]) => name);
  const files = [...text.matchAll(/(?:\bbash|\bnode|\bpath:) (?!-)([\w./-]+)/g)].map(([, path = ""]) => path);
  return [
    ...commands.filter((name) => scripts[name] === undefined),
    ...files.filter((path) => path !== "site/dist" && !existsSync(join(root, path))),
  ];
}

describe.each(workflows)("the workflow $name", ({ text }) => {
  test("runs commands and files that exist, for a limited time", () => {
    expect(missing(text)).toEqual([]);
    const jobs = text.split("runs-on:").length - 1;
    expect(text.split("timeout-minutes:").length - 1).toBe(jobs);
  });

  test("lets git read the checkout in a container, which belongs to another user there", () => {
    const containers = text.split("container:").length - 1;
    expect(text.split("git config --global --add safe.directory").length - 1).toBe(containers);
  });

  test("the default is to read, and no job writes contents", () => {
    const [head = ""] = text.split("\njobs:");
    expect(`${head}\n`).toContain("permissions:\n  contents: read\n");
    expect(text).not.toMatch(/contents: write|write-all/);
  });
});

test("a workflow that names a command or a file that is not there is found", () => {
  expect(missing("- run: npm run --silent nothing\n- run: bash .ci/nothing")).toEqual([
    "nothing",
    ".ci/nothing",
  ]);
});

test.each([
  [undefined, "/"],
  ["", "/"],
  ["/wsession", "/wsession/"],
  ["/wsession/", "/wsession/"],
])("the site of the folder %s has the base %s", (name, base) => {
  expect(baseOf(name)).toBe(base);
});
