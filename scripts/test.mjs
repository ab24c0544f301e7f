// `npm test`: provides what the tests drive, builds the packages they import, and runs them all.
// Further arguments go to vitest: `npm test -- packages/core`. A run whose tests print anything fails: quiet-reporter.mjs.
// WSESSION_TEST_REPORT names a file for vitest's JSON report, beside the one for people.
import process from "node:process";
import { build } from "./build.mjs";
import { provideTools } from "./provide.mjs";
import { runTool } from "./run-tool.mjs";
import { provideRuntime, runtimePackages } from "./runtimes.mjs";
import { alerting, findTool, ToolError, usualFolders } from "./tools.mjs";
import { vitestArguments } from "./vitest-arguments.mjs";

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof ToolError)) throw error;
  console.error(`npm test: ${error.message}`);
  process.exitCode = 1;
}

/** @param {readonly string[]} further */
async function main(further) {
  // Bun is some 100 MB: npm fetches it while the packages are built.
  const bun = provideBun();
  const env = { ...process.env, ...(await provideTools(process.env)), ...findPromtool() };
  const what = "npm test: builds the packages, then runs";
  console.error(
    further.length > 0
      ? `${what} the selected tests`
      : `${what} every suite on real servers and a browser; some fifteen minutes on two cores.`,
  );
  const built = await build(undefined);
  if (built !== 0) return built;

  const report = process.env["WSESSION_TEST_REPORT"];
  return runTool("vitest", vitestArguments({ report }, further), { env: { ...env, ...(await bun) } });
}

/**
 * The environment variable that names promtool. promtool is used if it is installed. `npm test` does not install it, because its package
 * needs 100 MB.
 */
function findPromtool() {
  const found = alerting.flatMap((tool) => {
    const file = findTool(tool, { environment: process.env, folders: usualFolders });
    return file === undefined ? [] : [[tool.variable, file]];
  });
  if (found.length === 0)
    console.error(
      "npm test: SKIPS promtool's check of the alert rules. `npm run test:alerts` installs promtool.",
    );
  return Object.fromEntries(found);
}

/** The environment variable that names Bun. Without Bun the tests on Bun are skipped, and this says so. */
async function provideBun() {
  if (process.env["WSESSION_BUN"]) return {};
  const file = await provideRuntime(runtimePackages.bun, (sentence) =>
    console.error(`npm test: SKIPS the tests on Bun. ${sentence}`),
  );
  return file === undefined ? {} : { WSESSION_BUN: file };
}
