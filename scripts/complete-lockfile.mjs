// Adds the builds for other platforms to package-lock.json, because `npm ci` refuses a lock file without them. npm leaves a build out
// if the registry, such as a partial mirror, does not serve it. Run this after `npm install NAME`.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./run-tool.mjs";

/**
 * @typedef {object} Entry
 * @property {string} [version]
 * @property {boolean} [dev]
 * @property {string | undefined} [license]
 * @property {boolean} [optional]
 * @property {Record<string, string>} [optionalDependencies]
 */

const file = join(root, "package-lock.json");
/** @type {{ packages: Record<string, Entry> }} */
const lock = JSON.parse(readFileSync(file, "utf8"));

/** @type {Record<string, Entry>} */
const added = {};
for (const parent of Object.values(lock.packages)) {
  for (const [name, version] of Object.entries(parent.optionalDependencies ?? {})) {
    const platform = platformOf(name);
    const isListed = Object.keys(lock.packages).some((path) => path.endsWith(`node_modules/${name}`));
    if (isListed || platform === undefined || !/^\d/.test(version)) continue;
    added[`node_modules/${name}`] = buildEntry(version, platform, parent);
  }
}

const paths = Object.entries({ ...lock.packages, ...added }).toSorted(([a], [b]) => a.localeCompare(b, "en"));
lock.packages = Object.fromEntries(paths);
writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`);
console.log(`package-lock.json: ${Object.keys(added).length} builds for other platforms added`);

/**
 * In the order in which npm writes its fields.
 *
 * @param {string} version
 * @param {{ os: string, cpu: string, libc: string | undefined }} platform
 * @param {Entry} parent
 */
function buildEntry(version, { os, cpu, libc }, { dev, license }) {
  return {
    version,
    cpu: [cpu],
    ...(dev && { dev }),
    ...(libc && { libc: [libc] }),
    license,
    optional: true,
    os: [os],
  };
}

/**
 * What such a package runs on, by its name: `@turbo/darwin-64`, `@oxlint/binding-linux-x64-musl`.
 *
 * @param {string} name
 */
function platformOf(name) {
  const [, os, cpu, abi = ""] =
    /(aix|android|darwin|freebsd|linux|netbsd|openbsd|openharmony|sunos|win32|windows)-([a-z]*\d*[a-z]*)(?:-(\w+))?$/.exec(
      name,
    ) ?? [];
  if (os === undefined || cpu === undefined) return undefined;
  const libc = abi.startsWith("musl") ? "musl" : "glibc";
  return {
    os: os === "windows" ? "win32" : os,
    cpu: cpu === "64" ? "x64" : cpu,
    libc: os === "linux" && /^(?:musl|gnu)/.test(abi) ? libc : undefined,
  };
}
