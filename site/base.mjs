// The folder of the site on its web server.
import process from "node:process";

/**
 * With a slash at both ends. GitHub Pages names `/wsession`, or nothing where the site has a domain of its own.
 *
 * @param {string | undefined} name
 */
export function baseOf(name = "") {
  return `/${name}/`.replaceAll(/\/+/g, "/");
}

export const base = baseOf(process.env["WSESSION_DOCS_BASE"]);
