// `npm run test:runtimes`: the conformance suite of clients on newer runtimes, each with its own WebSocket.
// The runtimes are npm packages, kept in node_modules/.cache: among the root's dependencies they would shadow `node`.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { build } from "../../../scripts/build.mjs";
import { root } from "../../../scripts/run-tool.mjs";

const cases = join(import.meta.dirname, "cases.mjs");

const runtimes = [
  { spec: "node@22", program: "node/bin/node" },
  { spec: "node@24", program: "node/bin/node" },
  { spec: "bun@1.4", program: "bun/bin/bun.exe" },
];

process.exitCode = await main();

async function main() {
  const built = await build(undefined);
  if (built !== 0) return built;
  const results = runtimes.map(({ spec, program }) => {
    const file = provide(spec, program);
    if (file === undefined) return "skipped";
    return [isSound(file), isCaught(file)].every(Boolean) ? "passed" : "failed";
  });
  const count = (/** @type {string} */ wanted) => results.filter((result) => result === wanted).length;
  console.log(`${count("passed")} runtimes passed, ${count("failed")} failed, ${count("skipped")} skipped.`);
  return count("failed") === 0 && count("passed") > 0 ? 0 : 1;
}

/**
 * The path of a runtime's binary, which is installed if it is not there. Says why it is not, and returns undefined.
 *
 * @param {string} spec
 * @param {string} program
 */
function provide(spec, program) {
  const folder = join(root, "node_modules", ".cache", "wsession-runtimes", spec);
  const file = join(folder, "node_modules", program);
  if (existsSync(file)) return file;
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "package.json"), '{ "private": true }\n');
  const { status, stderr } = spawnSync("npm", ["install", "--no-audit", "--no-fund", spec], {
    cwd: folder,
    encoding: "utf8",
  });
  if (status === 0 && existsSync(file)) return file;
  console.log(`${spec}: skipped, because npm could not install it: ${stderr.trim().split("\n")[0]}`);
  return undefined;
}

/**
 * @param {string} file
 * @param {readonly string[]} args
 * @returns {{ runtime: string, passed: number, failures: { name: string, reason: string }[] } | undefined}
 */
function run(file, args) {
  const { status, stdout, stderr } = spawnSync(file, [cases, ...args], { cwd: root, encoding: "utf8" });
  if (status === 0) return JSON.parse(stdout);
  console.log(`${file}: ended with ${status}: ${stderr}`);
  return undefined;
}

/** @param {string} file */
function isSound(file) {
  const result = run(file, []);
  if (result === undefined) return false;
  const { runtime, passed, failures } = result;
  console.log(`${runtime}: ${passed} of ${passed + failures.length} cases passed`);
  for (const { name, reason } of failures) console.log(`  failed: ${name}\n    ${reason}`);
  return failures.length === 0 && passed > 0;
}

/**
 * Whether the suite finds a planted fault on this runtime.
 *
 * @param {string} file
 */
function isCaught(file) {
  const failed = run(file, ["--subject", "numbering", "--broken"])?.failures.length ?? 0;
  console.log(`  a client that loses messages fails ${failed} cases`);
  return failed > 0;
}
