// The programs that the tests drive, and where each one is found.
import { spawnSync } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { delimiter, dirname, isAbsolute, join } from "node:path";

/**
 * @typedef {object} Tool
 * @property {string} label the name that messages use
 * @property {string} variable the environment variable that names another binary, and that the tests read
 * @property {readonly string[]} names the names it goes by on a PATH
 * @property {readonly string[]} places absolute paths outside every PATH
 * @property {string} apt the package of Debian
 * @property {string} brew the arguments of `brew install`
 */

/** @type {readonly Tool[]} */
export const tools = [
  {
    label: "redis-server",
    variable: "WSESSION_REDIS_SERVER",
    names: ["redis-server"],
    places: [],
    apt: "redis-server",
    brew: "redis",
  },
  {
    label: "redis-sentinel",
    variable: "WSESSION_REDIS_SENTINEL",
    names: ["redis-sentinel"],
    places: [],
    apt: "redis-sentinel",
    brew: "redis",
  },
  {
    label: "redis-cli",
    variable: "WSESSION_REDIS_CLI",
    names: ["redis-cli"],
    places: [],
    apt: "redis-tools",
    brew: "redis",
  },
  {
    label: "chromium",
    variable: "WSESSION_CHROMIUM",
    names: ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"],
    places: [
      "/Applications/Chromium.app/Contents/MacOS/Chromium",
      "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    ],
    apt: "chromium",
    brew: "--cask google-chrome",
  },
];

// Package managers install here; a user's PATH may lack them.
const usualFolders = ["/usr/bin", "/usr/local/bin", "/opt/homebrew/bin"];

/** A failure that the user can act on: its message is the whole story. */
export class ToolError extends Error {}

/**
 * The first of `names` that a PATH (or a usual folder) holds and that runs.
 *
 * @param {readonly string[]} names
 * @param {NodeJS.ProcessEnv} environment
 * @param {readonly string[]} firstFolders looked into before the PATH
 * @returns {string | undefined}
 */
export function findProgram(names, environment, firstFolders = []) {
  const path = (environment["PATH"] ?? "").split(delimiter).filter(isAbsolute);
  return [...firstFolders, ...path, ...usualFolders]
    .flatMap((folder) => names.map((name) => join(folder, name)))
    .find(isExecutable);
}

/**
 * Finds a tool: the binary that the environment names, else a working one on the PATH or beside the named Redis server.
 * Throws when the environment names a binary that does not run; undefined when there is none.
 *
 * @param {Tool} tool
 * @param {NodeJS.ProcessEnv} environment
 * @returns {string | undefined}
 */
export function findTool(tool, environment) {
  const named = environment[tool.variable];
  if (named) {
    if (runs(named)) return named;
    throw new ToolError(
      `${tool.variable} names ${named}, but \`${named} --version\` does not run; correct or unset it.`,
    );
  }
  const server = environment["WSESSION_REDIS_SERVER"];
  const besideServer = server && tool.apt.startsWith("redis") && isAbsolute(server) ? [dirname(server)] : [];
  const path = (environment["PATH"] ?? "").split(delimiter).filter(isAbsolute);
  return [...besideServer, ...path, ...usualFolders]
    .flatMap((folder) => tool.names.map((name) => join(folder, name)))
    .concat(tool.places)
    .find((file) => isExecutable(file) && runs(file));
}

/** @param {string} file */
function isExecutable(file) {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

// A file alone proves nothing: Ubuntu's chromium-browser is a stub that asks for a snap.
/** @param {string} file */
function runs(file) {
  return spawnSync(file, ["--version"], { stdio: "ignore", timeout: 30_000 }).status === 0;
}
