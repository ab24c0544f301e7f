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
 * @property {string} [versionFlag] the argument with which the tool prints something and exits with 0. `--version` by default
 */

/** @type {Tool} */
const chromium = {
  label: "chromium",
  variable: "WSESSION_CHROMIUM",
  names: ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"],
  places: [
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
  ],
  apt: "chromium",
  brew: "--cask google-chrome",
};

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
  // The headless shell is tried first, because it needs less than half of the whole browser's processor time for a page.
  {
    ...chromium,
    names: ["chromium-headless-shell", ...chromium.names],
    apt: "chromium-headless-shell",
  },
];

/**
 * What `npm run spec` needs. build-essential and not gcc alone: the checker's C code includes the C library's headers.
 *
 * @type {readonly Tool[]}
 */
export const modelChecking = [
  {
    label: "spin",
    variable: "WSESSION_SPIN",
    names: ["spin"],
    places: [],
    apt: "spin",
    brew: "spin",
    versionFlag: "-V",
  },
  {
    label: "gcc",
    variable: "WSESSION_CC",
    names: ["gcc", "cc"],
    places: [],
    apt: "build-essential",
    brew: "gcc",
  },
];

/**
 * What `npm run test:alerts` needs.
 *
 * @type {readonly Tool[]}
 */
export const alerting = [
  {
    label: "promtool",
    variable: "WSESSION_PROMTOOL",
    names: ["promtool"],
    places: [],
    apt: "prometheus",
    brew: "prometheus",
  },
];

/**
 * What `npm run bench:deploy` needs. nginx-light, because the package nginx has modules that the bench does not use.
 *
 * @type {readonly Tool[]}
 */
export const proxies = [
  {
    label: "nginx",
    variable: "WSESSION_NGINX",
    names: ["nginx"],
    places: ["/usr/sbin/nginx"],
    apt: "nginx-light",
    brew: "nginx",
    versionFlag: "-v",
  },
];

/**
 * What `npm run test:matrix` needs.
 *
 * @type {readonly Tool[]}
 */
export const patching = [
  {
    label: "patchelf",
    variable: "WSESSION_PATCHELF",
    names: ["patchelf"],
    places: [],
    apt: "patchelf",
    brew: "patchelf",
  },
];

/**
 * What `npm run test:browsers` needs.
 *
 * @type {Readonly<Record<string, readonly Tool[]>>}
 */
export const browsers = {
  chromium: [chromium],
  firefox: [
    {
      label: "firefox",
      variable: "WSESSION_FIREFOX",
      names: ["firefox-esr", "firefox"],
      places: ["/Applications/Firefox.app/Contents/MacOS/firefox"],
      apt: "firefox-esr",
      brew: "--cask firefox",
    },
  ],
  webkit: [
    {
      label: "WebKitWebDriver",
      variable: "WSESSION_WEBKIT_DRIVER",
      names: ["WebKitWebDriver"],
      places: [],
      apt: "webkit2gtk-driver",
      brew: "",
      versionFlag: "--help",
    },
    {
      label: "Xvfb",
      variable: "WSESSION_XVFB",
      names: ["Xvfb"],
      places: [],
      apt: "xvfb",
      brew: "",
      versionFlag: "-help",
    },
  ],
};

// Package managers install here; a user's PATH may lack them.
export const usualFolders = ["/usr/bin", "/usr/local/bin", "/opt/homebrew/bin"];

/** A failure that the user can fix. The message is all that is shown. */
export class ToolError extends Error {}

/**
 * The places in which programs are searched, in order.
 *
 * @typedef {object} Surroundings
 * @property {NodeJS.ProcessEnv} environment
 * @property {readonly string[]} folders looked into after the environment's PATH
 */

/**
 * Returns the first executable program with one of these names.
 *
 * @param {readonly string[]} names
 * @param {Surroundings} surroundings
 * @returns {string | undefined}
 */
export function findProgram(names, surroundings) {
  return candidates(names, surroundings).find(isExecutable);
}

/**
 * Returns the path of a tool: the binary that the environment names, or else the first one that runs, beside the named Redis server, on
 * the PATH or in a usual folder. Returns undefined if there is none. Throws if the environment names a binary that does not run.
 *
 * @param {Tool} tool
 * @param {Surroundings} surroundings
 * @returns {string | undefined}
 */
export function findTool(tool, surroundings) {
  const { environment } = surroundings;
  const named = environment[tool.variable];
  if (named) {
    if (runs(named, tool)) return named;
    throw new ToolError(
      `${tool.variable} names ${named}, but \`${named} ${versionFlagOf(tool)}\` does not run; correct or unset it.`,
    );
  }
  const server = environment["WSESSION_REDIS_SERVER"];
  const besideServer =
    server && tool.label.startsWith("redis") ? tool.names.map((name) => join(dirname(server), name)) : [];
  return [...besideServer, ...candidates(tool.names, surroundings), ...tool.places].find(
    (file) => isAbsolute(file) && isExecutable(file) && runs(file, tool),
  );
}

/**
 * @param {readonly string[]} names
 * @param {Surroundings} surroundings
 */
function candidates(names, { environment, folders }) {
  const path = (environment["PATH"] ?? "").split(delimiter).filter(isAbsolute);
  return [...path, ...folders].flatMap((folder) => names.map((name) => join(folder, name)));
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

/**
 * Whether the file is the program, and not a stand-in: Ubuntu's chromium-browser only asks to install a snap.
 *
 * @param {string} file
 * @param {Tool} tool
 */
function runs(file, tool) {
  return spawnSync(file, [versionFlagOf(tool)], { stdio: "ignore", timeout: 30_000 }).status === 0;
}

/** @param {Tool} tool */
function versionFlagOf({ versionFlag = "--version" }) {
  return versionFlag;
}
