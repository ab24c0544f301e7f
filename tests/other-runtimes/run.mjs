// `npm run test:runtimes`: the conformance suites of clients, of adapters and of `asWebSocket` on newer runtimes, and sessions that go from
// one runtime to another.
import { join } from "node:path";
import process from "node:process";
import { startVitest } from "vitest/node";
import { build } from "../../scripts/build.mjs";
import { provideTools } from "../../scripts/provide.mjs";
import { root } from "../../scripts/run-tool.mjs";
import { provideRuntime, runtimePackages } from "../../scripts/runtimes.mjs";
import { tools } from "../../scripts/tools.mjs";
import { adapterSuite, clientSuite, runSuite, socketSuite } from "./suites.mjs";

/** @import { RuntimePackage } from "../../scripts/runtimes.mjs" */
/** @import { Suite } from "./suites.mjs" */

/** @type {readonly { runtime: RuntimePackage, suites: readonly Suite[] }[]} */
const plan = [
  { runtime: runtimePackages.node22, suites: [clientSuite] },
  { runtime: runtimePackages.node24, suites: [clientSuite] },
  {
    runtime: runtimePackages.bun,
    suites: [clientSuite, adapterSuite("bun"), adapterSuite("ws"), socketSuite("bun"), socketSuite("ws")],
  },
  { runtime: runtimePackages.deno, suites: [clientSuite, adapterSuite("ws"), socketSuite("ws")] },
];

process.exitCode = await main();

async function main() {
  const built = await build(undefined);
  if (built !== 0) return built;
  /** @type {string[]} */
  const results = [];
  for (const { runtime, suites } of plan) results.push(await runAll(runtime, suites));
  results.push(await runTogether());
  const count = (/** @type {string} */ wanted) => results.filter((result) => result === wanted).length;
  console.log(`${count("passed")} runs passed, ${count("failed")} failed, ${count("skipped")} skipped.`);
  return count("failed") === 0 && count("passed") > 0 ? 0 : 1;
}

/**
 * @param {RuntimePackage} runtime
 * @param {readonly Suite[]} suites
 */
async function runAll(runtime, suites) {
  const file = await provideRuntime(runtime, (sentence) => console.log(`skipped: ${sentence}`));
  if (file === undefined) return "skipped";
  let isSound = true;
  for (const suite of suites) {
    try {
      const hasPassed = await isPassed({ file, args: runtime.args }, suite);
      isSound &&= hasPassed;
    } catch (error) {
      console.log(String(error));
      isSound = false;
    }
  }
  return isSound ? "passed" : "failed";
}

/** Sessions that go from one runtime to another, on one Redis. */
async function runTogether() {
  const bun = await provideRuntime(runtimePackages.bun, () => undefined);
  if (bun === undefined) return "skipped";
  const redis = tools.filter(({ label }) => label.startsWith("redis"));
  Object.assign(process.env, await provideTools(process.env, undefined, redis), { WSESSION_BUN: bun });
  const vitest = await startVitest("test", [], {
    root,
    config: false,
    watch: false,
    include: [join("tests", "other-runtimes", "*-run.ts")],
    testTimeout: 60_000,
    hookTimeout: 60_000,
  });
  const { state } = vitest;
  return state.getCountOfFailedTests() === 0 && state.getFiles().length > 0 ? "passed" : "failed";
}

/**
 * Whether every case passes, and the suite finds a planted fault.
 *
 * @param {{ readonly file: string, readonly args: readonly string[] }} runtime
 * @param {Suite} suite
 */
async function isPassed(runtime, suite) {
  const result = await runSuite(runtime, suite);
  const { passed, failures } = result;
  console.log(`${result.runtime}, ${suite.title}: ${passed} of ${passed + failures.length} cases passed`);
  for (const { name, reason } of failures) console.log(`  failed: ${name}\n    ${reason}`);
  const found = (await runSuite(runtime, suite, [...suite.broken, "--broken"])).failures.length;
  console.log(`  ${suite.fault} fails ${found} cases`);
  return failures.length === 0 && passed > 0 && found > 0;
}
