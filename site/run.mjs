// `npm run docs`: builds the documentation as a site, in site/dist.
//   npm run docs                    builds it
//   npm run docs -- --serve         builds it, and serves it on this machine; a port may follow, 4173 without it
//   npm run docs -- --test          builds it, and tests it in Chromium; further arguments go to vitest
// WSESSION_DOCS_BASE is the folder on the web server, `/` without it: `/wsession/` on GitHub Pages.
// The site has a lock file of its own, because its dependencies take 150 MB and `npm install` would take twice as long.
import { spawnSync } from "node:child_process";
import { existsSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { provideTools } from "../scripts/provide.mjs";
import { runTool } from "../scripts/run-tool.mjs";
import { tools } from "../scripts/tools.mjs";
import { base } from "./base.mjs";

const folder = import.meta.dirname;
const pages = join(folder, ".pages");
const [task, ...further] = process.argv.slice(2);

process.exitCode = await main();

async function main() {
  if (!isInstalled()) {
    console.error("docs: installs the generator of the site: 20 s, and 150 MB.");
    const installed = run("npm", ["ci", "--no-audit", "--no-fund", "--ignore-scripts"]);
    if (installed !== 0) return installed;
  }
  const { stage } = await import("./stage.mjs");
  rmSync(pages, { recursive: true, force: true });
  stage(pages);
  console.error("docs: generates the reference …");
  const generated = run(bin("typedoc"), ["--options", "typedoc.config.mjs"]);
  if (generated !== 0) return generated;
  console.error("docs: renders the pages …");
  const rendered = run(bin("vitepress"), ["build"]);
  if (rendered !== 0) return rendered;
  if (task === "--serve") return serveSite();
  if (task !== "--test") return 0;
  const chromium = tools.filter(({ label }) => label === "chromium");
  const env = { ...process.env, ...(await provideTools(process.env, undefined, chromium)) };
  return runTool("vitest", ["run", "--config", join(folder, "vitest.config.ts"), ...further], { env });
}

async function serveSite() {
  const { serve } = await import("./server.mjs");
  const server = await serve(join(folder, "dist"), Number(further[0] ?? 4173), base);
  const address = server.address();
  if (typeof address === "object") console.log(`http://127.0.0.1:${address?.port}${base}`);
  return 0;
}

/** @param {string} name */
function bin(name) {
  return join(folder, "node_modules", ".bin", name);
}

/**
 * @param {string} program
 * @param {readonly string[]} args
 */
function run(program, args) {
  return spawnSync(program, args, { cwd: folder, stdio: "inherit" }).status ?? 1;
}

/** Whether the installed packages are those of the lock file. */
function isInstalled() {
  const installed = join(folder, "node_modules", ".package-lock.json");
  if (!existsSync(installed)) return false;
  return statSync(installed).mtimeMs >= statSync(join(folder, "package-lock.json")).mtimeMs;
}
