// `npm run test:mutants`: breaks one promise at a time in a copy of the checkout, and reports the changes that no test notices.
//   --only X   mutants whose name, or whose file's path, has X in it
//   --list     names them, and runs nothing
import process from "node:process";
import { parseArgs } from "node:util";
import { provideTools } from "../../scripts/provide.mjs";
import { provideRuntime, runtimePackages } from "../../scripts/runtimes.mjs";
import { Builds, run } from "./builds.mjs";
import { copyCheckout, mutate, removeCopy } from "./copy.mjs";
import { mutants } from "./mutants.mjs";

/** @import { Mutant } from "./mutants.mjs" */

const { values } = parseArgs({ options: { only: { type: "string" }, list: { type: "boolean" } } });
const { only = "" } = values;
const chosen = mutants.filter(({ name, file }) => name.includes(only) || file.includes(only));
if (values.list === true) for (const { name, promise } of chosen) console.log(`${name}: ${promise}`);
else process.exitCode = await main();

async function main() {
  const environment = { ...process.env, ...(await provideTools(process.env)), CI: "true" };
  if (chosen.some(({ tests }) => tests.some((word) => word.includes("bun.test")))) {
    // Without Bun its tests are skipped, so that no mutant would be noticed.
    const bun = await provideRuntime(runtimePackages.bun, (sentence) => console.log(sentence));
    if (bun === undefined) return 1;
    environment.WSESSION_BUN = bun;
  }
  const folder = await copyCheckout();
  try {
    await assertPasses(folder, environment);
    /** @type {string[]} */
    const unnoticed = [];
    const builds = new Builds(folder, environment);
    for (const [index, mutant] of chosen.entries()) {
      const outcome = await judge(folder, mutant, environment, builds);
      const note = mutant.equivalent === undefined ? "" : ` (equivalent: ${mutant.equivalent})`;
      console.log(`${index + 1}/${chosen.length} ${mutant.name}: ${outcome}${note}`);
      if (outcome !== "noticed" && mutant.equivalent === undefined)
        unnoticed.push(`${mutant.name}: ${outcome}`);
    }
    for (const line of unnoticed) console.log(`UNNOTICED ${line}`);
    console.log(`${chosen.length - unnoticed.length} passed, ${unnoticed.length} failed`);
    return unnoticed.length === 0 ? 0 : 1;
  } finally {
    await removeCopy(folder);
  }
}

/**
 * Checks that every test passes in the copy without a mutant, because otherwise "noticed" would prove nothing. Uses few runs, because a
 * run takes seconds to start: one for each project, and one more for the tests that are selected by name.
 *
 * @param {string} folder
 * @param {NodeJS.ProcessEnv} environment
 */
async function assertPasses(folder, environment) {
  /** @type {Map<string, { readonly words: string[], readonly files: Set<string>, readonly names: Set<string> }>} */
  const runs = new Map();
  for (const { tests } of chosen) {
    const [option = "", project = "", file = "", , name] = tests;
    const key = `${project} ${name !== undefined}`;
    const one = runs.get(key) ?? { words: [option, project], files: new Set(), names: new Set() };
    runs.set(key, one);
    one.files.add(file);
    if (name !== undefined) one.names.add(name);
  }
  for (const { words, files, names } of runs.values()) {
    const filter = names.size === 0 ? [] : ["-t", [...names].join("|")];
    const once = (/** @type {string[]} */ ...more) =>
      run("npx", ["vitest", "run", ...words, ...files, ...filter, ...more], folder, environment);
    // Again one file at a time, because many servers that start at once may be late on a busy machine.
    if ((await once()) !== 0 && (await once("--no-file-parallelism", "--retry", "1")) !== 0)
      throw new Error(`tests fail without a mutant: ${[...files].join(" ")}`);
  }
}

/**
 * @param {string} folder
 * @param {Mutant} mutant
 * @param {NodeJS.ProcessEnv} environment
 * @param {Builds} builds
 * @returns {Promise<"noticed" | "no test fails" | "does not compile">}
 */
async function judge(folder, mutant, environment, builds) {
  const undo = await mutate(folder, mutant);
  try {
    if (!(await builds.withMutant(mutant))) return "does not compile";
    const status = await run("npx", ["vitest", "run", "--bail", "1", ...mutant.tests], folder, environment);
    return status === 0 ? "no test fails" : "noticed";
  } finally {
    await undo();
  }
}
