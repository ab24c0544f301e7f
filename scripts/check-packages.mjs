// Checks each publishable package: its size, its manifest, and its tarball: the files, publint for the manifest, attw for how the types
// resolve. Packs what is built already, without `prepack`.
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import process from "node:process";
import { entriesOf, installedWith, publishedPackages } from "./packages.mjs";
import { root } from "./run-tool.mjs";
import { checkSizes } from "./sizes.mjs";
import { checkLicences, checkManifest, checkPaths, checkVersions } from "./tarball-files.mjs";

/** @import { Package } from "./packages.mjs" */

const tarballs = mkdtempSync(join(tmpdir(), "wsession-tarballs-"));

try {
  const packages = publishedPackages();
  const failures = [
    ...checkVersions(packages.map(({ manifest }) => manifest)),
    ...(await checkSizes(packages.flatMap(entriesOf))),
    ...packages.flatMap(check),
  ];
  for (const failure of failures) console.error(failure);
  process.exitCode = failures.length === 0 ? 0 : 1;
} finally {
  rmSync(tarballs, { recursive: true, force: true });
}

/**
 * @param {Package} one
 * @returns {string[]} what is wrong with it
 */
function check({ folder, manifest }) {
  const packed = run("npm", ["pack", "--json", "--ignore-scripts", "--pack-destination", tarballs], folder);
  if (packed.status !== 0) return [`npm pack failed in ${folder}:\n${packed.output}`];
  const { name } = manifest;
  /** @type {readonly { filename: string, files: readonly { path: string }[] }[]} */
  const [{ filename, files } = { filename: "", files: [] }] = JSON.parse(packed.stdout);
  const tarball = join(tarballs, filename);
  const found = [
    ...checkManifest(basename(folder), { ...manifest }),
    ...checkLicences(manifest, installedWith({ folder, manifest })),
    ...checkPaths(files.map(({ path }) => path)).map((sentence) => `${name}: ${sentence}`),
  ];
  /** @type {readonly [string, readonly string[]][]} */
  const checks = [
    ["publint", ["run", tarball, "--strict"]],
    // The rule warns of CommonJS code that requires an ES module, which Node can do since 20.19 (docs/compatibility.md).
    ["attw", [tarball, "--ignore-rules", "cjs-resolves-to-esm", "--no-emoji", "--format", "ascii"]],
  ];
  // A package with commands and without a module has no types to resolve.
  const applicable = entriesOf({ folder, manifest }).length === 0 ? checks.slice(0, 1) : checks;
  for (const [program, args] of applicable) {
    const result = run(join(root, "node_modules", ".bin", program), args, root);
    if (result.status !== 0) found.push(`${program} found fault with ${name}:\n${result.output}`);
  }
  if (found.length === 0) console.log(`${name} is clean`);
  return found;
}

/**
 * @param {string} program
 * @param {readonly string[]} args
 * @param {string} cwd
 */
function run(program, args, cwd) {
  const { status, stdout, stderr, error } = spawnSync(program, args, {
    cwd,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
  });
  return { status, stdout, output: `${stdout ?? ""}${stderr ?? ""}${error?.message ?? ""}` };
}
