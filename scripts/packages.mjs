// The packages of this repository that are published, with their entries.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { root } from "./run-tool.mjs";

/**
 * @typedef {object} Manifest
 * @property {string} name
 * @property {string} version
 * @property {boolean} [private]
 * @property {string} [license]
 * @property {string | Record<string, string>} [bin]
 * @property {Record<string, string | { readonly types: string, readonly default: string }>} [exports]
 * @property {Record<string, string>} [dependencies]
 * @property {Record<string, string>} [peerDependencies]
 * @property {Record<string, string>} [devDependencies]
 */

/** @typedef {{ readonly folder: string, readonly manifest: Manifest }} Package */

/**
 * An entry is a module that users import.
 *
 * @typedef {object} Entry
 * @property {string} name as users import it: `@wsession/core/runtime`
 * @property {string} folder of the package
 * @property {string} types the declarations, relative to the folder
 * @property {string} module the code, relative to the folder
 */

/** @returns {readonly Package[]} */
export function publishedPackages(folder = join(root, "packages")) {
  return readdirSync(folder)
    .map((name) => join(folder, name))
    .map((each) => ({ folder: each, manifest: readManifest(each) }))
    .filter(({ manifest }) => manifest.private !== true);
}

/**
 * @param {string} folder
 * @returns {Manifest}
 */
export function readManifest(folder) {
  return JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
}

/**
 * The packages that come with an installation: the dependencies, their dependencies, and so on, each with its licence. A package of
 * which two versions are installed comes twice, because the licences may differ. Peers are the application's own choice.
 *
 * @param {Package} one
 * @returns {readonly (readonly [name: string, licence: string | undefined])[]}
 */
export function installedWith(one) {
  /** @type {[string, string | undefined][]} */
  const found = [];
  /** The folders of the packages that were found, and the names of those that are missing. */
  const seen = new Set();
  const waiting = [one];
  for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
    const { folder, manifest } = next;
    for (const name of Object.keys(manifest.dependencies ?? {})) {
      const dependency = folderOf(name, folder);
      if (seen.has(dependency ?? name)) continue;
      seen.add(dependency ?? name);
      const read = dependency === undefined ? undefined : readManifest(dependency);
      found.push([name, read?.license]);
      if (dependency !== undefined && read !== undefined)
        waiting.push({ folder: dependency, manifest: read });
    }
  }
  return found;
}

/**
 * Where a package of a folder finds another one.
 *
 * @param {string} name
 * @param {string} folder
 * @returns {string | undefined}
 */
function folderOf(name, folder) {
  const place = join(folder, "node_modules", name);
  if (existsSync(join(place, "package.json"))) return place;
  return dirname(folder) === folder ? undefined : folderOf(name, dirname(folder));
}

/**
 * @param {Package} one
 * @returns {readonly Entry[]}
 */
export function entriesOf({ folder, manifest }) {
  return Object.entries(manifest.exports ?? {}).flatMap(([path, target]) => {
    if (typeof target === "string") return [];
    return { name: join(manifest.name, path), folder, types: target.types, module: target.default };
  });
}
