// `npm test`: provides what the tests drive, builds the packages they import, and runs them all.
// Further arguments go to vitest: `npm test -- packages/core`.
// WSESSION_TEST_REPORT names a file for vitest's JSON report, beside the one for people.
import { spawn } from "node:child_process";
import { dirname, join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { provideTools } from "./provide.mjs";
import { ToolError } from "./tools.mjs";

const root = dirname(dirname(fileURLToPath(import.meta.url)));

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof ToolError)) throw error;
  console.error(`npm test: ${error.message}`);
  process.exitCode = 1;
}

/** @param {readonly string[]} vitestArguments */
async function main(vitestArguments) {
  const environment = {
    ...process.env,
    ...(await provideTools(process.env)),
    DO_NOT_TRACK: "1",
    TURBO_TELEMETRY_DISABLED: "1",
  };
  const built = await run("turbo", ["run", "build", "--output-logs=errors-only"], environment);
  if (built !== 0) return built;

  const report = process.env["WSESSION_TEST_REPORT"];
  const reporters = report ? ["--reporter=default", "--reporter=json", `--outputFile.json=${report}`] : [];
  return run("vitest", ["run", ...reporters, ...vitestArguments], environment);
}

/**
 * Runs a program of this project's node_modules, hands on the signals that end us, and resolves with its exit code.
 *
 * @param {string} program
 * @param {readonly string[]} args
 * @param {NodeJS.ProcessEnv} env
 * @returns {Promise<number>}
 */
function run(program, args, env) {
  const child = spawn(join(root, "node_modules", ".bin", program), args, {
    cwd: root,
    env,
    stdio: ["ignore", "inherit", "inherit"],
  });
  const forward = (/** @type {NodeJS.Signals} */ signal) => child.kill(signal);
  process.on("SIGINT", forward).on("SIGTERM", forward);
  return new Promise((resolve, reject) => {
    child.once("error", (cause) => {
      reject(new ToolError(`${program} could not be started; run \`npm install\` first.`, { cause }));
    });
    child.once("exit", (code) => {
      process.off("SIGINT", forward).off("SIGTERM", forward);
      resolve(code ?? 1);
    });
  });
}
