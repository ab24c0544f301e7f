// Puts in place what a row of the matrix runs on.
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { pathToFileURL } from "node:url";
import { provideDebian13 } from "../../scripts/debian13.mjs";
import { provideTools } from "../../scripts/provide.mjs";
import { providePackage, provideRuntime, runtimePackages } from "../../scripts/runtimes.mjs";
import { ToolError } from "../../scripts/tools.mjs";

/** @import { Platform, Versions } from "./plan.mjs" */

const HOOK = pathToFileURL(join(import.meta.dirname, "replace.mjs")).href;

/**
 * @typedef {object} Provided
 * @property {string} node the program
 * @property {NodeJS.ProcessEnv} env
 * @property {Versions} versions
 */

/**
 * Rejects with a ToolError if something can't be had.
 *
 * @param {Platform} platform
 * @returns {Promise<Provided>}
 */
export async function provide({ node: wanted, servers, replaced, env: read = {} }) {
  const node = await provideNode(wanted);
  const named =
    servers === undefined ? await provideTools(process.env) : (await provideDebian13()).servers(servers);
  /** @type {NodeJS.ProcessEnv} */
  const env = { ...process.env, ...named, ...read };
  let version = "";
  if (replaced !== undefined) {
    const folder = await provideFolder(replaced.spec);
    version = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")).version;
    env["WSESSION_REPLACE"] = JSON.stringify({ name: replaced.name, folder });
    env["NODE_OPTIONS"] = `${process.env["NODE_OPTIONS"] ?? ""} --import=${HOOK}`.trim();
  }
  const server = versionOf(named["WSESSION_REDIS_SERVER"] ?? "redis-server");
  return {
    node,
    env,
    versions: { node: versionOf(node).replace("v", ""), server: short(server), replaced: version },
  };
}

/** @param {string} wanted */
async function provideNode(wanted) {
  if (wanted === "system") return process.execPath;
  const runtime = Object.entries(runtimePackages).find(([name]) => name === wanted)?.[1];
  const program = runtime && (await provideRuntime(runtime, refuse));
  if (program === undefined) throw new ToolError(`there is no runtime ${wanted}`);
  // The binaries of uWebSockets.js for newer versions of Node.js need a newer C library.
  return (await provideDebian13()).relink(program, wanted);
}

/**
 * @param {string} spec
 * @returns {Promise<string>} the folder of the package
 */
async function provideFolder(spec) {
  const name = spec.slice(0, spec.lastIndexOf("@"));
  const manifest = await providePackage(spec, [`${name}/package.json`], refuse);
  if (manifest === undefined) throw new ToolError(`${spec} can't be had`);
  return join(manifest, "..");
}

/** @param {string} sentence */
function refuse(sentence) {
  throw new ToolError(sentence);
}

/** @param {string} program */
function versionOf(program) {
  return spawnSync(program, ["--version"], { encoding: "utf8" }).stdout.trim();
}

// "Redis server v=8.0.2 sha=…" → "Redis 8.0.2"
/** @param {string} line */
function short(line) {
  return line.replace(/^(\w+) server v=(\S+).*$/, "$1 $2");
}
