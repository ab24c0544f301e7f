// Checks each publishable package as its tarball: publint for its manifest, attw for how its types resolve. Packs what is
// built already, without `prepack`.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const tarballs = mkdtempSync(join(tmpdir(), "wsession-tarballs-"));

try {
  const failures = publishablePackages().flatMap(check);
  for (const failure of failures) console.error(failure);
  process.exitCode = failures.length === 0 ? 0 : 1;
} finally {
  rmSync(tarballs, { recursive: true, force: true });
}

function publishablePackages() {
  return readdirSync(join(root, "packages"))
    .map((folder) => join(root, "packages", folder))
    .filter((folder) => JSON.parse(readFileSync(join(folder, "package.json"), "utf8")).private !== true);
}

/**
 * @param {string} folder
 * @returns {string[]} what is wrong with it
 */
function check(folder) {
  const packed = run("npm", ["pack", "--json", "--ignore-scripts", "--pack-destination", tarballs], folder);
  if (packed.status !== 0) return [`npm pack failed in ${folder}:\n${packed.output}`];
  /** @type {readonly { name: string, filename: string }[]} */
  const [{ name, filename } = { name: folder, filename: "" }] = JSON.parse(packed.stdout);
  const tarball = join(tarballs, filename);
  /** @type {readonly [string, readonly string[]][]} */
  const checks = [
    ["publint", ["run", tarball, "--strict"]],
    // The rule warns of CommonJS code that requires an ES module, which Node can do since 20.19 (docs/compatibility.md).
    ["attw", [tarball, "--ignore-rules", "cjs-resolves-to-esm", "--no-emoji", "--format", "ascii"]],
  ];
  return checks.flatMap(([program, args]) => {
    const result = run(join(root, "node_modules", ".bin", program), args, root);
    if (result.status !== 0) return [`${program} found fault with ${name}:\n${result.output}`];
    console.log(`${program}: ${name} is clean`);
    return [];
  });
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
