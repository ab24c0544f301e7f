// Prints `N passed, N failed` from vitest's JSON report, named by the first argument.
import { readFileSync } from "node:fs";
import process from "node:process";

/**
 * @typedef {object} Report
 * @property {number} numPassedTests
 * @property {number} numFailedTests
 * @property {readonly { status: string, assertionResults: readonly { status: string }[] }[]} testResults
 */

const [file = ""] = process.argv.slice(2);
/** @type {Report} */
const report = JSON.parse(readFileSync(file, "utf8"));

// A file that could not be loaded has no failed test, but must count as a failure.
const brokenFiles = report.testResults.filter(
  ({ status, assertionResults }) =>
    status === "failed" && assertionResults.every((result) => result.status !== "failed"),
);
const failures = report.numFailedTests + brokenFiles.length;
console.log(`${report.numPassedTests} passed, ${failures} failed`);
process.exitCode = failures === 0 ? 0 : 1;
