// `npm run spec`: checks the specifications with spin, and that spin finds each planted bug. Fails if the checks need more than two
// minutes of CPU time. The wall time would say more about the other work of the machine than about the checks.
//   --only X   cases whose name has X in it
import { execFile } from "node:child_process";
import { copyFile, mkdtemp, rm } from "node:fs/promises";
import { availableParallelism, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { parseArgs, promisify } from "node:util";
import { provideTools } from "../scripts/provide.mjs";
import { modelChecking, usualFolders } from "../scripts/tools.mjs";

const run = promisify(execFile);
const folder = dirname(fileURLToPath(import.meta.url));
/** The most CPU time of all checks together, on all cores. */
const LIMIT_S = 120;
/** Runs a command, and prints the CPU time that it used to standard error, also if it fails. POSIX: `times`, and `ulimit` in CPU seconds. */
const MEASURE = `ulimit -t ${LIMIT_S}; trap 'times >&2' EXIT; "$@"`;

/**
 * A search of one model: `holds` of every run in a scope, or of a planted bug that has to be found.
 *
 * @typedef {object} Case
 * @property {string} model
 * @property {string} scope the macros that bound the search, and plant a bug
 * @property {boolean} holds
 */

/**
 * @param {string} model
 * @param {readonly string[]} scopes
 * @returns {Case[]}
 */
const holds = (model, scopes) => scopes.map((scope) => ({ model, scope, holds: true }));

/**
 * @param {string} model
 * @param {readonly string[]} scopes
 * @returns {Case[]}
 */
const bugs = (model, scopes) => scopes.map((scope) => ({ model, scope: `BUG_${scope}`, holds: false }));

const cases = [
  ...holds("transactions", [
    "",
    "FORGETS=1 KILLS=0",
    "WRITERS=1 KILLS=0 REPEATS=0",
    "N=3 KILLS=0 REPEATS=0",
    "FAILOVERS=1 REFUSALS=0 KILLS=1 REPEATS=0",
    "FAILOVERS=1 KILLS=0 REPEATS=0",
  ]),
  ...bugs("transactions", [
    "NUMBER_WITHOUT_CHANGE",
    "CHANGE_WITHOUT_NUMBER",
    "ACK_BEFORE_COMMIT",
    "NO_OUTBOX",
    "REFUSAL_NOT_STORED",
    "NO_REFUSED_BITS",
    "NUMBER_NOT_COMPARED",
    "FORGOTTEN_RUNS FORGETS=1",
    "LOSS_PASSED_OVER FAILOVERS=1 REFUSALS=0 KILLS=0 REPEATS=0",
    "GOES_ON_AFTER_LOSS FAILOVERS=1 REFUSALS=0 KILLS=0 REPEATS=0",
  ]),
  ...holds("outbox", ["", "M=4 REPEATS=1", "M=4 KEPT=3 CUTS=2", "M=4 KEPT=3 FAILOVERS=2 LOSSES=2"]),
  ...bugs("outbox", [
    "OFFSET_TWICE FAILOVERS=0",
    "CHAIN_NOT_MIXED M=4 KEPT=3 REPEATS=1",
    "NO_CHAIN",
    "SILENT_HOLE",
    "LIVE_BY_OFFSET",
    "SWEEP_BY_OFFSET",
    "STARTS_AT_END FAILOVERS=0",
  ]),
];

const { values } = parseArgs({ options: { only: { type: "string" } } });
const { only = "" } = values;
process.exitCode = await main(cases.filter(({ model, scope }) => `${model} ${scope}`.includes(only)));

/** @param {readonly Case[]} chosen */
async function main(chosen) {
  const programs = await provideTools(process.env, usualFolders, modelChecking);
  const waiting = [...chosen];
  let failed = 0;
  let seconds = 0;
  const worker = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const { isRight, text, cpuSeconds } = await check(next, programs);
      if (!isRight) failed += 1;
      seconds += cpuSeconds;
      console.log(
        `${isRight ? "ok    " : "FAILED"} ${next.model} ${next.scope}: ${text}, ${cpuSeconds.toFixed(1)} s`,
      );
    }
  };
  await Promise.all(Array.from({ length: Math.min(2, availableParallelism()) }, worker));
  console.log(`${chosen.length - failed} passed, ${failed} failed, ${seconds.toFixed(0)} s of CPU time`);
  const isTooLong = seconds > LIMIT_S;
  if (isTooLong)
    console.log(
      `FAILED: the checks used ${seconds.toFixed(0)} s of CPU time, and the limit is ${LIMIT_S} s. Reduce the scope of the longest ones`,
    );
  return failed === 0 && !isTooLong ? 0 : 1;
}

/**
 * @param {Case} one
 * @param {Readonly<Record<string, string>>} programs
 */
async function check(one, programs) {
  const scratch = await mkdtemp(join(tmpdir(), "wsession-spec-"));
  try {
    const { output, cpuSeconds } = await search(one, programs, scratch);
    const errors = /errors: (\d+)/.exec(output)?.[1];
    const states = /(\d+) states, stored/.exec(output)?.[1] ?? "?";
    const isComplete = !/Search not completed|max search depth too small/.test(output);
    if (errors === "0")
      return {
        cpuSeconds,
        isRight: one.holds && isComplete,
        text: `holds in ${states} states${isComplete ? "" : ", but not all were searched"}`,
      };
    const found = /pan:1: (.*)/.exec(output)?.[1] ?? "the search did not end";
    return { cpuSeconds, isRight: !one.holds && found.startsWith("assertion violated"), text: found };
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/**
 * What the checker prints, and the CPU time of all steps.
 *
 * @param {Case} one
 * @param {Readonly<Record<string, string>>} programs
 * @param {string} cwd
 */
async function search({ model, scope }, programs, cwd) {
  const file = `${model}.pml`;
  await copyFile(join(folder, file), join(cwd, file));
  const macros = scope === "" ? [] : scope.split(" ").map((macro) => `-D${macro}`);
  /** @param {string} program @param {readonly string[]} words */
  const measured = (program, ...words) =>
    run("sh", ["-c", MEASURE, "sh", program, ...words], { cwd, maxBuffer: 2 ** 24 });
  const spun = await measured(programs["WSESSION_SPIN"] ?? "spin", "-a", ...macros, file);
  const flags = ["-O1", "-w", "-DSAFETY", "-DCOLLAPSE", "-DMEMLIM=2000", "-o", "pan", "pan.c"];
  const compiled = await measured(programs["WSESSION_CC"] ?? "gcc", ...flags);
  // The checker exits with an error if it runs out of time or memory. What it has printed then says so.
  const searched = await measured(join(cwd, "pan"), "-m200000", "-w24").catch(
    (/** @type {{ stdout: string, stderr: string }} */ error) => error,
  );
  const cpuSeconds = [spun, compiled, searched].reduce((sum, { stderr }) => sum + secondsIn(stderr), 0);
  return { output: searched.stdout, cpuSeconds };
}

/**
 * The CPU time of a shell's children: the second line that `times` prints, as "1m2.03s 0m0.40s".
 *
 * @param {string} text
 */
function secondsIn(text) {
  const found = [...text.matchAll(/(\d+)m([\d.]+)s/g)].slice(-2);
  if (found.length < 2) throw new Error(`the shell has printed no CPU time: ${text}`);
  return found.reduce((sum, [, minutes, seconds]) => sum + 60 * Number(minutes) + Number(seconds), 0);
}
