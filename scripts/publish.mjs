// Publishes every publishable package: `node scripts/publish.mjs --dry-run` shows what would be published and uploads nothing. Other
// arguments go to `npm publish`. Fails if npm warns, because a warning means that npm changes the manifest.
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import process from "node:process";
import { publishedPackages } from "./packages.mjs";

const args = process.argv.slice(2);
const { NPM_CONFIG_USERCONFIG: userConfig } = process.env;
// npm expands the variable itself, so that no secret is written to the file.
if (!args.includes("--dry-run") && userConfig !== undefined)
  writeFileSync(userConfig, "//registry.npmjs.org/:_authToken=${NODE_AUTH_TOKEN}\n");

let failed = false;
for (const { folder, manifest } of publishedPackages()) {
  const npm = ["publish", "--ignore-scripts", ...args];
  const { status, stdout, stderr } = spawnSync("npm", npm, { cwd: folder, encoding: "utf8" });
  // This one warning is expected: a dry run warns that no user is logged in.
  const isClean =
    status === 0 && !/npm warn publish (?!This command requires you to be logged in)/i.test(stderr);
  console.log(`${manifest.name}@${manifest.version}: ${isClean ? "clean" : "FAILED"}`);
  if (isClean) continue;
  failed = true;
  console.error(`${stdout}${stderr}`);
}
process.exitCode = failed ? 1 : 0;
