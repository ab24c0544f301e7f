// Runs bench:deploy. Installs nginx if it is missing; the quick form runs without nginx.
import { join } from "node:path";
import process from "node:process";
import { spawnSync } from "node:child_process";
import { provideTools } from "./provide.mjs";
import { root } from "./run-tool.mjs";
import { proxies, usualFolders } from "./tools.mjs";

const args = process.argv.slice(2);
const wanted = args.includes("--quick") ? [] : proxies;
const env = { ...process.env, ...(await provideTools(process.env, usualFolders, wanted)) };
const bench = join(root, "bench", "dist", "deploy.js");
process.exitCode = spawnSync(process.execPath, [bench, ...args], { env, stdio: "inherit" }).status ?? 1;
