// Prints each failed test of vitest's JSON report, which the first argument names, and then `N passed, N failed`. The messages stand at
// the end of the output too, because whoever keeps only the end of a long output would not have them.
import { readFileSync } from "node:fs";
import { relative } from "node:path";
import process from "node:process";

/** The most lines that are shown of a failure. */
const QUOTED_LINES = 30;

/**
 * @typedef {object} TestResult
 * @property {string} status
 * @property {string} fullName
 * @property {readonly string[]} [failureMessages]
 *
 * @typedef {object} FileResult
 * @property {string} name
 * @property {string} status
 * @property {string} [message]
 * @property {readonly TestResult[]} assertionResults
 *
 * @typedef {object} Report
 * @property {number} numPassedTests
 * @property {number} numFailedTests
 * @property {readonly FileResult[]} testResults
 */

const [file = ""] = process.argv.slice(2);
/** @type {Report} */
const report = JSON.parse(readFileSync(file, "utf8"));

// A file that could not be loaded has no failed test, but must count as a failure.
const brokenFiles = report.testResults.filter(
  ({ status, assertionResults }) =>
    status === "failed" && assertionResults.every((result) => result.status !== "failed"),
);
for (const { name, message = "" } of brokenFiles) show(relative(process.cwd(), name), [message]);
for (const { name, assertionResults } of report.testResults)
  for (const { status, fullName, failureMessages = [] } of assertionResults)
    if (status === "failed") show(`${relative(process.cwd(), name)} > ${fullName}`, failureMessages);

const failures = report.numFailedTests + brokenFiles.length;
console.log(`${report.numPassedTests} passed, ${failures} failed`);
process.exitCode = failures === 0 ? 0 : 1;

/**
 * @param {string} name
 * @param {readonly string[]} messages
 */
function show(name, messages) {
  const lines = messages.join("\n").split("\n");
  console.log(
    ["", `FAILED ${name}`, ...lines.slice(0, QUOTED_LINES).map((line) => `  ${line}`), ""].join("\n"),
  );
}
