import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { root } from "../../scripts/run-tool.mjs";
import { ToolError } from "../../scripts/tools.mjs";

/** @import { Provided } from "./platform.mjs" */
/** @import { Cell } from "./table.mjs" */

/**
 * Runs tests with vitest on a platform. A run that breaks before its first test has one failure: what vitest wrote last.
 *
 * @param {Pick<Provided, "node" | "env">} platform
 * @param {readonly string[]} args
 * @returns {Promise<Cell>}
 */
export async function runSuite({ node, env }, args) {
  const folder = mkdtempSync(join(tmpdir(), "wsession-platform-"));
  const report = join(folder, "report.json");
  try {
    const vitest = join(root, "node_modules", "vitest", "vitest.mjs");
    const output = ["--reporter=json", `--outputFile.json=${report}`];
    const errors = await run(node, [vitest, "run", ...output, ...args], env);
    return cellOf(report, errors);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/**
 * @param {string} report
 * @param {string} errors
 * @returns {Cell}
 */
function cellOf(report, errors) {
  /** @type {{ testResults: { name: string, status: string, message: string, assertionResults: { fullName: string, status: string }[] }[] }} */
  let read;
  try {
    read = JSON.parse(readFileSync(report, "utf8"));
  } catch {
    return { passed: 0, failures: [errors.trim().split("\n").at(-1) ?? "vitest wrote no report"] };
  }
  const tests = read.testResults.flatMap(({ assertionResults }) => assertionResults);
  const brokenFiles = read.testResults
    .filter(({ status, assertionResults }) => status === "failed" && assertionResults.every(isNoFailure))
    .map(({ name, message }) => `${name}: ${message}`);
  return {
    passed: tests.filter(({ status }) => status === "passed").length,
    failures: [...tests.filter((test) => !isNoFailure(test)).map(({ fullName }) => fullName), ...brokenFiles],
  };
}

/** @param {{ status: string }} test */
function isNoFailure({ status }) {
  return status !== "failed";
}

/**
 * Resolves with what the program wrote to standard error.
 *
 * @param {string} program
 * @param {readonly string[]} args
 * @param {NodeJS.ProcessEnv} env
 * @returns {Promise<string>}
 */
function run(program, args, env) {
  const child = spawn(program, args, { cwd: root, env, stdio: ["ignore", "ignore", "pipe"] });
  let isStopped = false;
  const end = (/** @type {NodeJS.Signals} */ signal) => {
    isStopped = true;
    child.kill(signal);
  };
  process.on("SIGINT", end).on("SIGTERM", end);
  let errors = "";
  child.stderr.setEncoding("utf8").on("data", (text) => (errors += text));
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", () => {
      process.off("SIGINT", end).off("SIGTERM", end);
      if (isStopped) reject(new ToolError("The run was stopped."));
      else resolve(errors);
    });
  });
}
