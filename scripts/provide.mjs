// Finds the programs that the tests need, and installs missing ones with the system's package manager.
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, relative } from "node:path";
import process from "node:process";
import { findProgram, findTool, ToolError, tools, usualFolders } from "./tools.mjs";

/** @import { Surroundings, Tool } from "./tools.mjs" */

/**
 * Resolves with the environment variables that name every tool, installing what is missing.
 * Rejects with a ToolError, one sentence for the user, when it can't.
 *
 * @param {NodeJS.ProcessEnv} environment
 * @param {readonly string[]} folders
 * @param {readonly Tool[]} wanted
 * @returns {Promise<Record<string, string>>}
 */
export async function provideTools(environment, folders = usualFolders, wanted = tools) {
  const surroundings = { environment: { ...environment }, folders };
  const before = findAll(wanted, surroundings);
  if (before.missing.length === 0) return before.found;

  const failure = await install(before.missing, surroundings);
  const after = findAll(wanted, surroundings);
  // A package counts as failed if its service could not start. The program of the package is installed nevertheless, which is enough.
  if (after.missing.length === 0) return after.found;
  const variables = after.missing.map((tool) => tool.variable).join(", ");
  throw new ToolError(
    `This command needs ${labels(after.missing)}, and ${failure ?? "the packages installed do not hold that"}; ` +
      `install what is missing, or name binaries in ${variables}.`,
  );
}

/**
 * @param {readonly Tool[]} wanted
 * @param {Surroundings} surroundings
 */
function findAll(wanted, surroundings) {
  /** @type {Record<string, string>} */
  const found = {};
  /** @type {Tool[]} */
  const missing = [];
  for (const tool of wanted) {
    const file = findTool(tool, surroundings);
    if (file === undefined) missing.push(tool);
    else found[tool.variable] = file;
  }
  return { found, missing };
}

/**
 * Installs the tools' packages. Resolves with why it failed, undefined when it did not.
 *
 * @param {readonly Tool[]} missing
 * @param {Surroundings} surroundings
 * @returns {Promise<string | undefined>}
 */
async function install(missing, surroundings) {
  if (process.platform === "darwin") return installWithBrew(missing, surroundings);
  const aptGet = findProgram(["apt-get"], surroundings);
  if (process.platform !== "linux" || aptGet === undefined) {
    return "there is no apt-get (Debian, Ubuntu) or brew (macOS) here to install it with";
  }
  const prefix = rootPrefix(surroundings);
  if (prefix === undefined) return "installing with apt-get wants root or passwordless sudo";

  const onUbuntu = isUbuntu();
  const browserElsewhere = onUbuntu ? missing.filter((tool) => tool.label === "chromium") : [];
  const fromApt = missing.filter((tool) => !browserElsewhere.includes(tool));
  let failure;
  if (fromApt.length > 0) failure = installWithApt(fromApt, [...prefix, aptGet], surroundings.environment);
  if (browserElsewhere.length > 0)
    failure = (await installPlaywrightChromium(surroundings.environment)) ?? failure;
  return failure;
}

/**
 * @param {readonly Tool[]} missing
 * @param {readonly string[]} aptGet
 * @param {NodeJS.ProcessEnv} environment
 */
function installWithApt(missing, aptGet, environment) {
  const packages = unique(missing.map((tool) => tool.apt));
  say(`installing ${packages.join(", ")} with apt-get, for ${labels(missing)}`, environment);
  // An update that partly fails may still provide usable package lists; the installation shows whether it
  // did.
  execute([...aptGet, "update", "-q"], environment);
  const wait = "DPkg::Lock::Timeout=300";
  return execute(
    [...aptGet, "install", "-y", "-q", "--no-install-recommends", "-o", wait, ...packages],
    environment,
  );
}

/**
 * @param {readonly Tool[]} missing
 * @param {Surroundings} surroundings
 */
function installWithBrew(missing, surroundings) {
  const brew = findProgram(["brew"], surroundings);
  if (brew === undefined) return "there is no brew here to install it with";
  let failure;
  for (const formula of unique(missing.map((tool) => tool.brew))) {
    say(`installing ${formula} with brew, for ${labels(missing)}`, surroundings.environment);
    failure = execute([brew, "install", ...formula.split(" ")], surroundings.environment) ?? failure;
  }
  return failure;
}

// Ubuntu's own chromium package is a snap, which containers can't run.
/** @param {NodeJS.ProcessEnv} environment */
async function installPlaywrightChromium(environment) {
  say("installing Playwright's Chromium and its libraries", environment);
  const entry = createRequire(import.meta.url).resolve("playwright-core");
  const failure = execute(
    [process.execPath, join(dirname(entry), "cli.js"), "install", "--with-deps", "chromium"],
    environment,
  );
  if (failure !== undefined) return failure;
  const { chromium } = await import("playwright-core");
  environment["WSESSION_CHROMIUM"] = chromium.executablePath();
  return undefined;
}

/**
 * Runs a package manager without input; its output is shown only as the reason of a failure.
 *
 * @param {readonly string[]} command
 * @param {NodeJS.ProcessEnv} environment
 * @returns {string | undefined} why it failed
 */
function execute([program = "", ...args], environment) {
  const result = spawnSync(program, args, {
    encoding: "utf8",
    // RUNLEVEL=1 asks Debian's maintainer scripts not to start the services that they install.
    env: { ...environment, DEBIAN_FRONTEND: "noninteractive", RUNLEVEL: "1", HOMEBREW_NO_AUTO_UPDATE: "1" },
    maxBuffer: 64 * 1024 * 1024,
    stdio: ["ignore", "pipe", "pipe"],
  });
  if (result.status === 0) return undefined;
  const lines = (result.stderr ?? "").split("\n").map((line) => line.trim());
  const reason =
    result.error?.message ?? lines.findLast((line) => line.startsWith("E:")) ?? lines.findLast(Boolean);
  return `\`${[program, ...args].join(" ")}\` failed (${reason ?? `exit ${result.status}`})`;
}

/**
 * The prefix with which a command runs as root without a prompt; undefined if there is none.
 *
 * @param {Surroundings} surroundings
 * @returns {readonly string[] | undefined}
 */
function rootPrefix(surroundings) {
  if (process.getuid?.() === 0) return [];
  const sudo = findProgram(["sudo"], surroundings);
  if (sudo === undefined || execute([sudo, "-n", "true"], surroundings.environment) !== undefined)
    return undefined;
  return [sudo, "-n", "env", "DEBIAN_FRONTEND=noninteractive", "RUNLEVEL=1"];
}

function isUbuntu() {
  try {
    return /^ID(_LIKE)?=.*ubuntu/m.test(readFileSync("/etc/os-release", "utf8"));
  } catch {
    return false;
  }
}

/** @param {readonly Tool[]} list */
function labels(list) {
  return list.map((tool) => tool.label).join(", ");
}

/** @param {readonly string[]} list */
function unique(list) {
  return [...new Set(list)];
}

/**
 * @param {string} sentence
 * @param {NodeJS.ProcessEnv} environment
 */
function say(sentence, environment) {
  console.log(`${runningCommand(environment)}: ${sentence}`);
}

/**
 * The command that the user gave, because many commands install tools: `npm test`, `npm run spec`, or a script by its path.
 *
 * @param {NodeJS.ProcessEnv} environment
 */
function runningCommand({ npm_lifecycle_event: script }) {
  if (script === undefined) return `node ${relative(process.cwd(), process.argv[1] ?? "")}`;
  return script === "test" ? "npm test" : `npm run ${script}`;
}
