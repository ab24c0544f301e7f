// Removes the files in dist whose source is renamed or removed: the compiler leaves them, and a tarball would contain them.
// Every build runs this file first (turbo.json), so that the cache of the build tool never stores such a file.
import { existsSync, readdirSync, rmSync } from "node:fs";
import { join, relative } from "node:path";
import process from "node:process";
import { pathToFileURL } from "node:url";
import { publishedPackages } from "./packages.mjs";
import { sourceOf } from "./tarball-files.mjs";

/** The state of the compiler. */
const STATE = ".tsbuildinfo";

/**
 * Returns the paths in `dist` of a package that have no source, relative to the folder of the package.
 *
 * @param {string} folder
 * @returns {readonly string[]}
 */
export function staleOutput(folder) {
  const dist = join(folder, "dist");
  if (!existsSync(dist)) return [];
  return readdirSync(dist, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name !== STATE)
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .filter((path) => !existsSync(join(folder, sourceOf(path))));
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  for (const { folder } of publishedPackages())
    for (const path of staleOutput(folder)) rmSync(join(folder, path), { force: true });
}
