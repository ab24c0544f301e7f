// `npm run test:frameworks`: the examples of frameworks, driven by the real clients. The frameworks have a lock file of their own, because
// they take 500 MB. Arguments go to vitest.
import { spawnSync } from "node:child_process";
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { build } from "../../scripts/build.mjs";
import { provideTools } from "../../scripts/provide.mjs";
import { runTool } from "../../scripts/run-tool.mjs";

const folder = import.meta.dirname;

process.exitCode = await main(process.argv.slice(2));

/** @param {readonly string[]} further */
async function main(further) {
  if (!isInstalled()) {
    console.error("test:frameworks: installs the frameworks: up to a minute, and 500 MB.");
    // No scripts: a store of Yjs, which no example uses, would be compiled.
    const { status } = spawnSync("npm", ["ci", "--no-audit", "--no-fund", "--ignore-scripts"], {
      cwd: folder,
      stdio: "inherit",
    });
    if (status !== 0) return status ?? 1;
  }
  const env = { ...process.env, ...(await provideTools(process.env)) };
  const built = await build(undefined);
  if (built !== 0) return built;
  const typed = await runTool("tsc", ["-p", folder]);
  if (typed !== 0) return typed;
  return runTool("vitest", ["run", "--config", join(folder, "vitest.config.ts"), ...further], { env });
}

/** Whether what is installed is what the lock file says. */
function isInstalled() {
  const installed = join(folder, "node_modules", ".package-lock.json");
  if (!existsSync(installed)) return false;
  return statSync(installed).mtimeMs >= statSync(join(folder, "package-lock.json")).mtimeMs;
}
