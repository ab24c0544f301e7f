// The commands of a run of the mutants: builds of the copy, and the tests.
import { spawn } from "node:child_process";
import { join } from "node:path";
import process from "node:process";

/** @import { Mutant } from "./mutants.mjs" */

const COMMAND_MS = 600_000;

/**
 * The builds of the copy. The package of a mutant is not built again when the mutant is undone: the next build of that package, or of
 * another one, does both.
 */
export class Builds {
  /** @type {string | undefined} */
  #stale;
  #folder;
  #environment;

  /**
   * @param {string} folder
   * @param {NodeJS.ProcessEnv} environment
   */
  constructor(folder, environment) {
    this.#folder = folder;
    this.#environment = environment;
  }

  /**
   * Builds the package of a mutant that has just been planted.
   *
   * @param {Mutant} mutant
   * @returns {Promise<boolean>} whether the package compiles
   */
  async withMutant({ file }) {
    const home = join(this.#folder, file.split("/").slice(0, 2).join("/"));
    if (this.#stale !== undefined && this.#stale !== home) await this.#build(this.#stale);
    this.#stale = home;
    return this.#build(home);
  }

  /** @param {string} home */
  async #build(home) {
    return (await run("npm", ["run", "--silent", "build"], home, this.#environment)) === 0;
  }
}

/**
 * Resolves with the exit code; a run that hangs counts as failed, because some mutants cause a hang.
 *
 * @param {string} command
 * @param {readonly string[]} args
 * @param {string} cwd
 * @param {NodeJS.ProcessEnv} env
 * @returns {Promise<number>}
 */
export function run(command, args, cwd, env) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, env, stdio: "ignore", detached: true });
    const timer = setTimeout(() => {
      if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
    }, COMMAND_MS);
    child.once("error", reject);
    child.once("exit", (code) => {
      clearTimeout(timer);
      resolve(code ?? 1);
    });
  });
}
