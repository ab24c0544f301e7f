// The packages of this repository that are published, with their entries.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
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
 * @param {Package} one
 * @returns {readonly Entry[]}
 */
export function entriesOf({ folder, manifest }) {
  return Object.entries(manifest.exports ?? {}).flatMap(([path, target]) => {
    if (typeof target === "string") return [];
    return { name: join(manifest.name, path), folder, types: target.types, module: target.default };
  });
}
