// Links between the pages of the repository, on the site: to the other page if the site has it, else to the file in the repository.
import { posix } from "node:path";
import { pathOnSite } from "./contents.mjs";

/**
 * @param {string} link as the page has it
 * @param {string} source the page, from the root of the repository
 * @param {{ repository: string, pages: ReadonlySet<string>, isFolder: (path: string) => boolean }} site
 */
export function linkOnSite(link, source, { repository, pages, isFolder }) {
  const [place = "", anchor] = link.split("#");
  const path = pathInRepository(place, source, repository);
  if (path === undefined) return link;
  const hash = anchor === undefined ? "" : `#${anchor}`;
  const page = [path, posix.join(path, "README.md")].find((one) => pages.has(one));
  if (page !== undefined) return `/${pathOnSite(page)}.html${hash}`.replace(/\/index\.html/, "/");
  return `${repository}/${isFolder(path) ? "tree" : "blob"}/main/${path}${hash}`;
}

/**
 * Returns the path of the linked file in the repository, or `undefined` for a link to another site and to a heading of the same page.
 *
 * @param {string} place
 * @param {string} source
 * @param {string} repository
 */
function pathInRepository(place, source, repository) {
  if (place === "") return undefined;
  const [, ours] = /^\/(?:blob|tree)\/main\/(.*)$/.exec(after(repository, place)) ?? [];
  if (ours !== undefined) return ours;
  if (/^[a-z]+:/.test(place)) return undefined;
  return posix.join(posix.dirname(source), place).replace(/\/$/, "");
}

/**
 * Returns the text after `start`, or an empty text if the text does not begin with `start`.
 *
 * @param {string} start
 * @param {string} text
 */
function after(start, text) {
  return text.startsWith(start) ? text.slice(start.length) : "";
}

/** The anchor of a heading as GitHub makes it, so that one link is right in both places. @param {string} heading */
export function anchorOf(heading) {
  return heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, "")
    .trim()
    .replaceAll(" ", "-");
}
