import { spawn } from "node:child_process";
import { dirname, join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { ToolError } from "./tools.mjs";

export const root = dirname(dirname(fileURLToPath(import.meta.url)));

/**
 * Runs a program of this project's node_modules, forwards terminating signals to it, and resolves with its exit code. The output of the
 * program is shown at once, or, with `onlyFailures`, only if the program fails. Rejects with a ToolError.
 *
 * @param {string} program
 * @param {readonly string[]} args
 * @param {{ readonly env?: NodeJS.ProcessEnv, readonly onlyFailures?: boolean }} [options]
 * @returns {Promise<number>}
 */
export function runTool(program, args, { env = process.env, onlyFailures = false } = {}) {
  const shown = onlyFailures ? "pipe" : "inherit";
  const child = spawn(join(root, "node_modules", ".bin", program), args, {
    cwd: root,
    env,
    stdio: ["ignore", shown, shown],
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr])
    stream?.setEncoding("utf8").on("data", (/** @type {string} */ text) => (output += text));
  const forward = (/** @type {NodeJS.Signals} */ signal) => child.kill(signal);
  process.on("SIGINT", forward).on("SIGTERM", forward);
  return new Promise((resolve, reject) => {
    child.once("error", (cause) => {
      reject(new ToolError(`${program} could not be started; run \`npm install\` first.`, { cause }));
    });
    child.once("close", (code) => {
      process.off("SIGINT", forward).off("SIGTERM", forward);
      if (code !== 0) process.stderr.write(output);
      resolve(code ?? 1);
    });
  });
}
