// The conformance suites that run on each runtime of `npm run test:runtimes`.
import { spawn } from "node:child_process";
import { join } from "node:path";
import process from "node:process";
import { root } from "../../scripts/run-tool.mjs";

/** @typedef {{ runtime: string, passed: number, failures: { name: string, reason: string }[] }} Result */

/**
 * @typedef {object} Suite
 * @property {string} title what is tested
 * @property {string} script
 * @property {readonly string[]} args
 * @property {string} fault what `--broken` plants
 * @property {readonly string[]} broken further arguments of the run with the fault
 */

/** @type {Suite} */
export const clientSuite = {
  title: "the client",
  script: join(root, "tests", "client", "runtimes", "cases.mjs"),
  args: [],
  fault: "a client that loses messages",
  broken: ["--subject", "numbering"],
};

/**
 * @param {"bun" | "ws"} adapter
 * @returns {Suite}
 */
export function adapterSuite(adapter) {
  return {
    title: `adapter-${adapter}`,
    script: join(import.meta.dirname, "adapter-cases.ts"),
    args: ["--adapter", adapter, "--at-once", "6"],
    fault: "an adapter that loses messages",
    broken: ["--subject", "messages"],
  };
}

/**
 * `asWebSocket` on connections of an adapter.
 *
 * @param {"bun" | "ws"} adapter
 * @returns {Suite}
 */
export function socketSuite(adapter) {
  return {
    title: `asWebSocket of adapter-${adapter}`,
    script: join(import.meta.dirname, "adapter-cases.ts"),
    args: ["--adapter", adapter, "--suite", "asWebSocket", "--at-once", "6"],
    fault: "a socket that drops messages",
    broken: [],
  };
}

/**
 * Peers that answer nothing, with a heartbeat so long that an earlier release left them to the timeout of Bun.
 *
 * @type {Suite}
 */
export const silentPeers = {
  title: "silent peers of adapter-bun",
  script: join(import.meta.dirname, "silent-peers.ts"),
  args: [],
  fault: "none",
  broken: [],
};

/**
 * A client that leaves during its login on Bun.serve.
 *
 * @type {Suite}
 */
export const goneLogin = {
  title: "a client that leaves during its login on Bun.serve",
  script: join(import.meta.dirname, "gone-login.ts"),
  args: [],
  fault: "none",
  broken: [],
};

/**
 * Runs a suite on a runtime. Rejects with what the runtime wrote to standard error, if it fails.
 *
 * @param {{ readonly file: string, readonly args: readonly string[] }} runtime
 * @param {Suite} suite
 * @param {readonly string[]} further
 * @returns {Promise<Result>}
 */
export function runSuite(runtime, { script, args }, further = []) {
  const child = spawn(runtime.file, [...runtime.args, script, ...args, ...further], {
    cwd: root,
    env: process.env,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  let errors = "";
  child.stdout.setEncoding("utf8").on("data", (text) => (output += text));
  child.stderr.setEncoding("utf8").on("data", (text) => (errors += text));
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => {
      if (code === 0) resolve(JSON.parse(output));
      else reject(new Error(`${runtime.file} ended with ${code}: ${errors}`));
    });
  });
}
