// `npm run test:runtimes`: the conformance suites of clients, of adapters and of `asWebSocket` on newer runtimes, and sessions that go from
// one runtime to another. Shows the results in docs/compatibility.md.
//   --only X   runs the runtimes whose id in plan.mjs is X, without the sessions that go from one to another. May be repeated
import { join } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { startVitest } from "vitest/node";
import { build } from "../../scripts/build.mjs";
import { provideTools } from "../../scripts/provide.mjs";
import { root } from "../../scripts/run-tool.mjs";
import { provideRuntime, runtimePackages } from "../../scripts/runtimes.mjs";
import { tools } from "../../scripts/tools.mjs";
import { record } from "../platforms/results.mjs";
import { runtimesTable } from "./plan.mjs";
import { runSuite } from "./suites.mjs";

/** @import { Cell } from "../platforms/table.mjs" */
/** @import { Row } from "./plan.mjs" */
/** @import { Suite } from "./suites.mjs" */

/** The files that vitest runs, each with the runtime that its tests start, and the variable that names the binary. */
const parts = [
  { file: "together-run.ts", runtime: runtimePackages.bun, variable: "WSESSION_BUN" },
  { file: "deno-run.ts", runtime: runtimePackages.deno, variable: "WSESSION_DENO" },
];

process.exitCode = await main();

async function main() {
  const built = await build(undefined);
  if (built !== 0) return built;
  const { values } = parseArgs({ options: { only: { type: "string", multiple: true } } });
  const rows = runtimesTable.rows.filter(({ id }) => values.only?.includes(id) ?? true);
  /** @type {string[]} */
  const results = [];
  for (const row of rows) results.push(await runAll(row));
  if (values.only === undefined) results.push(...(await runParts()));
  const count = (/** @type {string} */ wanted) => results.filter((result) => result === wanted).length;
  console.log(`${count("passed")} runs passed, ${count("failed")} failed, ${count("skipped")} skipped.`);
  return count("failed") === 0 && count("passed") > 0 ? 0 : 1;
}

/** @param {Row} row */
async function runAll({ id, runtime, suites }) {
  const file = await provideRuntime(runtime, (sentence) => console.log(`skipped: ${sentence}`));
  if (file === undefined) return "skipped";
  let isSound = true;
  let title = id;
  /** @type {Record<string, Cell>} */
  const cells = {};
  for (const suite of suites) {
    try {
      const { name, cell, isControlled } = await runControlled({ file, args: runtime.args }, suite);
      title = name;
      cells[suite.title] = cell;
      isSound &&= isControlled && cell.failures.length === 0 && cell.passed > 0;
    } catch (error) {
      console.log(String(error));
      cells[suite.title] = { passed: 0, failures: [String(error)] };
      isSound = false;
    }
  }
  record(runtimesTable.title, id, { title, cells });
  return isSound ? "passed" : "failed";
}

/**
 * Sessions that go from one runtime to another, on one Redis, and the permissions that Deno has to grant. A part whose runtime is
 * missing is skipped alone.
 *
 * @returns {Promise<readonly string[]>}
 */
async function runParts() {
  /** @type {string[]} */
  const files = [];
  for (const { file, runtime, variable } of parts) {
    const program = await provideRuntime(runtime, (sentence) => console.log(`skipped: ${file}: ${sentence}`));
    if (program === undefined) continue;
    process.env[variable] = program;
    files.push(file);
  }
  const skipped = parts.filter(({ file }) => !files.includes(file)).map(() => "skipped");
  if (files.length === 0) return skipped;
  const redis = tools.filter(({ label }) => label.startsWith("redis"));
  Object.assign(process.env, await provideTools(process.env, undefined, redis));
  const vitest = await startVitest("test", [], {
    root,
    config: false,
    watch: false,
    include: files.map((file) => join("tests", "other-runtimes", file)),
    testTimeout: 60_000,
    hookTimeout: 60_000,
  });
  const { state } = vitest;
  const isSound = state.getCountOfFailedTests() === 0 && state.getFiles().length === files.length;
  return [...skipped, isSound ? "passed" : "failed"];
}

/**
 * Runs a suite, and once more with a planted fault: whether the suite finds it.
 *
 * @param {{ readonly file: string, readonly args: readonly string[] }} runtime
 * @param {Suite} suite
 * @returns {Promise<{ readonly name: string, readonly cell: Cell, readonly isControlled: boolean }>} with the name of the runtime
 */
async function runControlled(runtime, suite) {
  const { runtime: name, passed, failures } = await runSuite(runtime, suite);
  console.log(`${name}, ${suite.title}: ${passed} of ${passed + failures.length} cases passed`);
  for (const failure of failures) console.log(`  failed: ${failure.name}\n    ${failure.reason}`);
  const found = (await runSuite(runtime, suite, [...suite.broken, "--broken"])).failures.length;
  console.log(`  ${suite.fault} fails ${found} cases`);
  return {
    name,
    cell: { passed, failures: failures.map((failure) => failure.name) },
    isControlled: found > 0,
  };
}
