// Writes src/scripts/generated.ts from src/scripts/*.lua, so that neither tsc nor a bundler can lose a script.
// `node embed-scripts.mjs --check` fails where the file is not what the scripts make it; a test runs that.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";

const folder = new URL("src/scripts/", import.meta.url);
const target = new URL("src/scripts/generated.ts", import.meta.url);

/** Comments and indentation are for people; Redis is sent the rest. */
function compact(text) {
  const lines = text.split("\n").map((line) => line.trim());
  return lines.filter((line) => line !== "" && !line.startsWith("--")).join("\n") + "\n";
}

function read(name) {
  return readFileSync(new URL(name, folder), "utf8");
}

/** In this order: a definition may use those before it. */
const preludes = ["prelude.lua", "prelude-presence.lua", "prelude-outbox.lua", "prelude-change.lua"];

/** The preludes' definitions by the name that each defines: a script is sent with those that it uses, in their order. */
const definitions = preludes
  .map(read)
  .join("\n")
  .split(/^(?=local )/m)
  .slice(1)
  .map((text) => ({ text: compact(text), name: /^local (?:function )?(\w+)/.exec(text)?.[1] ?? "" }));

function withPrelude(script) {
  let text = script;
  for (const definition of definitions.toReversed()) {
    if (new RegExp(`\\b${definition.name}\\b`).test(text)) text = definition.text + text;
  }
  return text;
}

const names = readdirSync(folder)
  .filter((name) => name.endsWith(".lua") && !preludes.includes(name))
  .toSorted();
const scripts = names.map((name) => name.slice(0, -".lua".length));
const entries = scripts.map(
  (name) => `  ${JSON.stringify(name)}: ${JSON.stringify(withPrelude(compact(read(`${name}.lua`))))},`,
);
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
    process.stderr.write("src/scripts/generated.ts is not current: run `npm run build`\n");
    process.exit(1);
  }
  writeFileSync(target, text);
}
