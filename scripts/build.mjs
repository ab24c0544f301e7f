// Builds the packages in dependency order, and says so in one line; the build tool's own output is shown only if it fails.
//   node scripts/build.mjs            all of them
//   node scripts/build.mjs PACKAGE    one, with the packages that it imports
import process from "node:process";
import { pathToFileURL } from "node:url";
import { runTool } from "./run-tool.mjs";
import { ToolError } from "./tools.mjs";

/**
 * Resolves with the build tool's exit code.
 *
 * @param {string | undefined} workspace
 * @returns {Promise<number>}
 */
export function build(workspace) {
  const filter = workspace === undefined ? [] : [`--filter=${workspace}`];
  const env = { ...process.env, DO_NOT_TRACK: "1", TURBO_TELEMETRY_DISABLED: "1" };
  return runTool("turbo", ["run", "build", "--output-logs=errors-only", ...filter], {
    env,
    onlyFailures: true,
  });
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const [workspace] = process.argv.slice(2);
  console.error(`Building ${workspace ?? "the packages"} …`);
  try {
    process.exitCode = await build(workspace);
  } catch (error) {
    if (!(error instanceof ToolError)) throw error;
    console.error(error.message);
    process.exitCode = 1;
  }
}
