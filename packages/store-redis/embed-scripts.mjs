// Writes src/scripts.generated.ts from src/scripts/*.lua, so that neither tsc nor a bundler can lose a script.
// `node embed-scripts.mjs --check` fails where the file is not what the scripts make it; a test runs that.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";

const folder = new URL("src/scripts/", import.meta.url);
const target = new URL("src/scripts.generated.ts", import.meta.url);

/** Comments and indentation are for people; Redis is sent the rest. */
function compact(name) {
  const lines = readFileSync(new URL(name, folder), "utf8").split("\n");
  return lines
    .map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("--"))
    .join("\n");
}

const prelude = compact("prelude.lua");
const names = readdirSync(folder)
  .filter((name) => name.endsWith(".lua") && name !== "prelude.lua")
  .sort();
const scripts = names.map((name) => name.slice(0, -".lua".length));
const entries = scripts.map((name) => `  ${JSON.stringify(name)}: ${JSON.stringify(`${prelude}\n${compact(`${name}.lua`)}\n`)},`);
const text = [
  "// Made by embed-scripts.mjs from src/scripts/*.lua: change those, then `npm run build`.",
  `export type ScriptName = ${scripts.map((name) => JSON.stringify(name)).join(" | ")};`,
  "",
  "export const SCRIPT_TEXTS: Readonly<Record<ScriptName, string>> = {",
  ...entries,
  "};",
  "",
].join("\n");

const current = readFileSync(target, { encoding: "utf8", flag: "a+" });
if (current !== text) {
  if (process.argv.includes("--check")) {
    process.stderr.write("src/scripts.generated.ts is not current: run `npm run build`\n");
    process.exit(1);
  }
  writeFileSync(target, text);
}
