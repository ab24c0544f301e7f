import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import process from "node:process";
import { root } from "../../scripts/run-tool.mjs";
import { ToolError } from "../../scripts/tools.mjs";

/** @import { Provided } from "./platform.mjs" */
/** @import { Row, Suite } from "./plan.mjs" */
/** @import { Cell } from "./table.mjs" */
/** @typedef {{ fullName: string, status: string, meta: { platform?: string } }} Result */
/** @typedef {{ testResults: { name: string, status: string, message: string, assertionResults: Result[] }[] }} Report */
/** @typedef {{ readonly cells: Readonly<Record<string, Cell>>, readonly platform: string | undefined }} Ran */

/**
 * Runs the tests of a row on its platform, and resolves with a cell for each suite, and with the platform that the tests wrote into
 * their `meta`, if any did. A run that breaks before its first test has one failure in each: what vitest wrote last.
 *
 * @param {Pick<Provided, "node" | "env">} platform
 * @param {Pick<Row, "args" | "suites">} row
 * @returns {Promise<Ran>}
 */
export async function runSuites({ node, env }, { args, suites }) {
  const folder = mkdtempSync(join(tmpdir(), "wsession-platform-"));
  const file = join(folder, "report.json");
  try {
    const vitest = join(root, "node_modules", "vitest", "vitest.mjs");
    const output = ["--reporter=json", `--outputFile.json=${file}`];
    const errors = await run(node, [vitest, "run", ...output, ...args], env);
    const report = readReport(file);
    const broken = { passed: 0, failures: [errors.trim().split("\n").at(-1) || "vitest wrote no report"] };
    const cells = suites.map((suite) => [suite.title, report === undefined ? broken : cellOf(report, suite)]);
    const results = report?.testResults.flatMap(({ assertionResults }) => assertionResults);
    const platform = results?.find(({ meta }) => meta.platform !== undefined)?.meta.platform;
    return { cells: Object.fromEntries(cells), platform };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/**
 * @param {string} file
 * @returns {Report | undefined}
 */
function readReport(file) {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch {
    return undefined;
  }
}

/**
 * @param {Report} report
 * @param {Suite} suite
 * @returns {Cell}
 */
function cellOf({ testResults }, { files, name: part = "" }) {
  const results = testResults.filter(({ name }) => relative(root, name).startsWith(files));
  const tests = results
    .flatMap(({ assertionResults }) => assertionResults)
    .filter(({ fullName }) => fullName.includes(part));
  const brokenFiles = results
    .filter(({ status, assertionResults }) => status === "failed" && assertionResults.every(isNoFailure))
    .map(({ name, message }) => `${relative(root, name)}: ${message}`);
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
