// Copies the pages of the repository to .pages, which VitePress reads, under their paths on the site. Their text stays as it is: the links
// are resolved when VitePress renders a page (links.mjs).
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { pathOnSite } from "./contents.mjs";
import { repository, root } from "./repository.mjs";

/** The pages of the repository that the site has, from the root of the repository. */
export function sources() {
  const patterns = ["README.md", "CONTRIBUTING.md", ":(glob)docs/**/*.md", ":(glob)packages/*/README.md"];
  const listed = execFileSync(
    "git",
    ["ls-files", "--cached", "--others", "--exclude-standard", ...patterns],
    {
      cwd: root,
      encoding: "utf8",
    },
  );
  return [...new Set(listed.trim().split("\n"))];
}

/** @param {string} folder */
export function stage(folder) {
  for (const source of sources()) {
    const target = join(folder, `${pathOnSite(source)}.md`);
    const text = readFileSync(join(root, source), "utf8");
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(
      target,
      `${frontmatter(source)}${source === "README.md" ? text.replace(/^# .*\n/, "") : text}`,
    );
  }
  cpSync(join(root, "docs", "images"), join(folder, "images"), { recursive: true });
}

/** @param {string} source */
function frontmatter(source) {
  const lines = source === "README.md" ? hero() : [];
  return ["---", `source: ${source}`, ...lines, "---", ""].join("\n");
}

/** The head of the first page, above the README's text. */
function hero() {
  /** @type {{ name: string, description: string }} */
  const { name, description } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  return [
    "layout: home",
    "hero:",
    `  name: ${JSON.stringify(name)}`,
    `  text: ${JSON.stringify(description.replace(/\.$/, ""))}`,
    "  actions:",
    "    - { text: Start here, link: /tutorial.html, theme: brand }",
    "    - { text: How do I …?, link: /how-do-i.html, theme: alt }",
    "    - { text: All pages, link: /contents.html, theme: alt }",
    `    - { text: Source, link: ${JSON.stringify(repository)}, theme: alt }`,
  ];
}
