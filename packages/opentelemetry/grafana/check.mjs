// Checks the alert rules with promtool, and runs their tests. Installs promtool if it is missing.
import { spawnSync } from "node:child_process";
import process from "node:process";
import { provideTools } from "../../../scripts/provide.mjs";
import { alerting, usualFolders } from "../../../scripts/tools.mjs";

const { WSESSION_PROMTOOL: promtool = "promtool" } = await provideTools(process.env, usualFolders, alerting);
for (const args of [
  ["check", "rules", "alerts.yml"],
  ["test", "rules", "alerts.test.yml"],
]) {
  const { status } = spawnSync(promtool, args, { cwd: import.meta.dirname, stdio: "inherit" });
  if (status !== 0) process.exitCode = 1;
}
