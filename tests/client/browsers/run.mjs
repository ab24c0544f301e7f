// `npm run test:browsers`: the scenarios of this folder in Chromium, Firefox and WebKitGTK, installed with apt-get where they are
// missing. A browser that can't be installed is skipped, with the reason. Keeps the results, and shows them in docs/compatibility.md.
//   --only X   runs in the browser X alone: chromium, firefox or webkit
// Other arguments go to vitest, and then no result is kept, because the run may have a part of the tests.
import process from "node:process";
import { build } from "../../../scripts/build.mjs";
import { provideTools } from "../../../scripts/provide.mjs";
import { runTool } from "../../../scripts/run-tool.mjs";
import { browsers, ToolError, usualFolders } from "../../../scripts/tools.mjs";
import { record } from "../../platforms/results.mjs";
import { runSuites } from "../../platforms/suite-run.mjs";
import { browsersTable } from "./plan.mjs";

const ARGS = ["--project", "tests", "tests/client/browsers"];

const [first, only = "", ...others] = process.argv.slice(2);
process.exitCode = first === "--only" ? await main(only, others) : await main("", process.argv.slice(2));

/**
 * @param {string} wanted a browser, or "" for all
 * @param {readonly string[]} further
 */
async function main(wanted, further) {
  const { env, names } = await provideBrowsers(wanted);
  if (names.length === 0) {
    console.error(`npm run test:browsers: no browser ran. There are ${Object.keys(browsers).join(", ")}.`);
    return 1;
  }
  const built = await build(undefined);
  if (built !== 0) return built;
  const run = (/** @type {readonly string[]} */ ran) => ({ ...env, WSESSION_BROWSERS: ran.join(",") });
  const areSound =
    further.length > 0
      ? (await runTool("vitest", ["run", ...ARGS, ...further], { env: run(names) })) === 0
      : await runAll(names, (name) => run([name]));
  console.log(`Ran in ${names.join(", ")}.`);
  return areSound ? 0 : 1;
}

/** @param {string} chosen */
async function provideBrowsers(chosen) {
  /** @type {NodeJS.ProcessEnv} */
  const env = { ...process.env, ...(await provideTools(process.env)) };
  /** @type {string[]} */
  const names = [];
  for (const [name, wanted] of Object.entries(browsers)) {
    if (chosen !== "" && name !== chosen) continue;
    try {
      Object.assign(env, await provideTools(process.env, usualFolders, wanted));
      names.push(name);
    } catch (error) {
      if (!(error instanceof ToolError)) throw error;
      console.log(`${name} is skipped. ${error.message}`);
    }
  }
  return { env, names };
}

/**
 * @param {readonly string[]} names
 * @param {(name: string) => NodeJS.ProcessEnv} envOf
 */
async function runAll(names, envOf) {
  let areSound = true;
  for (const { id, suites } of browsersTable.rows.filter((row) => names.includes(row.id))) {
    const { cells, platform = id } = await runSuites(
      { node: process.execPath, env: envOf(id) },
      { args: ARGS, suites },
    );
    for (const [title, { passed, failures }] of Object.entries(cells)) {
      console.log(`${platform}: ${title}: ${passed} passed, ${failures.length} failed`);
      for (const failure of failures) console.log(`  failed: ${failure}`);
      areSound &&= passed > 0 && failures.length === 0;
    }
    record(browsersTable.title, id, { title: platform, cells });
  }
  return areSound;
}
