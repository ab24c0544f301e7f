// The contents of the site, read from docs/README.md: the same list leads a reader on GitHub and fills the sidebar.
import { readFileSync } from "node:fs";
import { join, posix } from "node:path";

/**
 * @typedef {object} Group
 * @property {string} title
 * @property {{ title: string, source: string }[]} pages each with its file, from the root of the repository
 */

const list = "docs/README.md";

/**
 * @param {string} root the folder of the repository
 * @returns {Group[]}
 */
export function contents(root) {
  const [, ...sections] = readFileSync(join(root, list), "utf8").split(/^## /m);
  return sections.map((section) => ({
    title: section.split("\n", 1)[0] ?? "",
    pages: [...section.matchAll(/^- \[(.+?)\]\((.+?)\)/gm)].map(([, title = "", link = ""]) => ({
      title,
      source: posix.join(posix.dirname(list), link),
    })),
  }));
}

/**
 * Returns the path of a page on the site, without its extension: `README.md` is `index`, `docs/http.md` is `http`, and
 * `packages/core/README.md` is `packages/core`.
 *
 * @param {string} source
 */
export function pathOnSite(source) {
  if (source === "README.md") return "index";
  if (source === list) return "contents";
  return source
    .replace(/^docs\//, "")
    .replace(/^(packages\/[^/]+)\/README\.md$/, "$1")
    .replace(/\/README\.md$/, "/index")
    .replace(/\.md$/, "")
    .toLowerCase();
}
