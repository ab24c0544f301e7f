import { fileURLToPath } from "node:url";

const QUIET = fileURLToPath(new URL("quiet-reporter.mjs", import.meta.url));

/**
 * How `npm test` runs vitest: what people read, a check that the tests printed nothing, and a JSON report for programs.
 *
 * @param {{ readonly report?: string | undefined }} options `report`: the file of the JSON report
 * @param {readonly string[]} further
 * @returns {string[]}
 */
export function vitestArguments({ report }, further) {
  const json = report ? ["--reporter=json", `--outputFile.json=${report}`] : [];
  return ["run", "--reporter=default", `--reporter=${QUIET}`, ...json, ...further];
}
