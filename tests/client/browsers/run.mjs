// `npm run test:browsers`: the scenarios of this folder in Chromium, Firefox and WebKitGTK, installed with apt-get where they are
// missing. A browser that can't be installed is skipped, with the reason. Further arguments go to vitest.
import process from "node:process";
import { build } from "../../../scripts/build.mjs";
import { provideTools } from "../../../scripts/provide.mjs";
import { runTool } from "../../../scripts/run-tool.mjs";
import { browsers, ToolError, usualFolders } from "../../../scripts/tools.mjs";

/** @type {NodeJS.ProcessEnv} */
const env = { ...process.env, ...(await provideTools(process.env)) };
/** @type {string[]} */
const names = [];
for (const [name, wanted] of Object.entries(browsers)) {
  try {
    Object.assign(env, await provideTools(process.env, usualFolders, wanted));
    names.push(name);
  } catch (error) {
    if (!(error instanceof ToolError)) throw error;
    console.log(`${name} is skipped. ${error.message}`);
  }
}
const built = await build(undefined);
const args = ["run", "--project", "tests", "tests/client/browsers", ...process.argv.slice(2)];
process.exitCode =
  built === 0
    ? await runTool("vitest", args, { env: { ...env, WSESSION_BROWSERS: names.join(",") } })
    : built;
console.log(`Ran in ${names.join(", ")}.`);
