// Newer runtimes, as npm packages in node_modules/.cache: among the root's dependencies the package `node` would shadow `node`, and
// each is some 100 MB.
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { root } from "./run-tool.mjs";

/**
 * @typedef {object} RuntimePackage
 * @property {string} spec the package, as npm takes it
 * @property {readonly string[]} programs the binary, as a path in node_modules; several where each platform has its own
 * @property {readonly string[]} args the arguments before the script
 */

/** @satisfies {Readonly<Record<string, RuntimePackage>>} */
export const runtimePackages = {
  node22: { spec: "node@22", programs: ["node/bin/node"], args: [] },
  node24: { spec: "node@24", programs: ["node/bin/node"], args: [] },
  node26: { spec: "node@26", programs: ["node/bin/node"], args: [] },
  bun: { spec: "bun@1.4", programs: ["bun/bin/bun.exe"], args: [] },
  deno: {
    spec: "deno@2.9",
    // The package `deno` holds none itself.
    programs: ["linux-x64-glibc", "linux-arm64-glibc", "darwin-x64", "darwin-arm64"].map(
      (platform) => `@deno/${platform}/deno`,
    ),
    args: ["run", "--allow-env", "--allow-net", "--allow-read", "--allow-sys"],
  },
};

/**
 * Resolves with the path of a runtime's binary, which is installed if it is missing. Says why it can't be had, and resolves with
 * `undefined`.
 *
 * @param {RuntimePackage} runtime
 * @param {(sentence: string) => void} say
 * @returns {Promise<string | undefined>}
 */
export function provideRuntime({ spec, programs }, say) {
  return providePackage(spec, programs, say);
}

/**
 * Resolves with the path of the first of `files` that a package has, installing the package if it is missing. Says why it can't be had, and
 * resolves with `undefined`.
 *
 * @param {string} spec the package, as npm takes it
 * @param {readonly string[]} files paths in node_modules
 * @param {(sentence: string) => void} say
 * @returns {Promise<string | undefined>}
 */
export async function providePackage(spec, files, say) {
  const folder = join(root, "node_modules", ".cache", "wsession-runtimes", spec);
  const find = () => files.map((file) => join(folder, "node_modules", file)).find((file) => existsSync(file));
  const before = find();
  if (before !== undefined) return before;
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "package.json"), '{ "private": true }\n');
  const failure = await install(spec, folder);
  const file = failure === undefined ? find() : undefined;
  if (file === undefined)
    say(
      `${spec} is missing, because npm could not install it: ${failure ?? "it holds no binary for this machine"}`,
    );
  return file;
}

/**
 * Resolves with why npm failed, `undefined` if it did not.
 *
 * @param {string} spec
 * @param {string} folder
 * @returns {Promise<string | undefined>}
 */
function install(spec, folder) {
  const child = spawn("npm", ["install", "--no-audit", "--no-fund", spec], {
    cwd: folder,
    env: process.env,
    stdio: ["ignore", "ignore", "pipe"],
  });
  let errors = "";
  child.stderr.setEncoding("utf8").on("data", (text) => (errors += text));
  return new Promise((resolve) => {
    child.on("error", (error) => resolve(error.message));
    child.on("close", (code) =>
      resolve(code === 0 ? undefined : (errors.trim().split("\n")[0] ?? `exit ${code}`)),
    );
  });
}
