// Writes src/scripts/generated.ts from src/scripts/*.lua, so that neither tsc nor a bundler can lose a script.
// `node embed-scripts.mjs --check` fails where the file is not what the scripts make it; a test runs that.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";

const folder = new URL("src/scripts/", import.meta.url);
const target = new URL("src/scripts/generated.ts", import.meta.url);

// Lua makes a closure for each definition that a script reaches, in each call, and a commit would make 30. So definitions with "-- rare"
// behind their first line are made by one function, when one of them is called.

/** Comments and indentation are for people; Redis is sent the rest. */
function compact(text) {
  const lines = text.split("\n").map((line) => line.trim());
  return lines.filter((line) => line !== "" && !line.startsWith("--")).join("\n") + "\n";
}

function read(name) {
  return readFileSync(new URL(name, folder), "utf8");
}

/** In this order: a definition may use those before it. */
const preludes = [
  "prelude-base36.lua",
  "prelude.lua",
  "prelude-presence.lua",
  "prelude-outbox.lua",
  "prelude-change.lua",
];

/** Marks a definition that few calls use. */
const RARE = / -- rare$/m;
/**
 * A definition of a constant. Its uses are replaced by its value, because Lua would make an upvalue of it for each function. FORMAT stays:
 * the tests of upgrades change it in the built scripts.
 */
const CONSTANT = /^local (?!FORMAT )([A-Z][A-Z0-9_]*) = (\d+|'[^']*')$/m;

/** The preludes' definitions by the name that each defines: a script is sent with those that it uses, in their order. */
const definitions = withoutConstants(preludes.map(read).join("\n"))
  .split(/^(?=local )/m)
  .slice(1)
  .map((text) => ({
    text: compact(text.replace(RARE, "")),
    name: /^local (?:function )?(\w+)/.exec(text)?.[1] ?? "",
    isRare: RARE.test(text),
    isFunction: text.startsWith("local function"),
  }));

/** Replaces the constants of the preludes. */
function withoutConstants(lua) {
  const values = new Map(
    preludes
      .map(read)
      .flatMap((text) => [...text.matchAll(new RegExp(CONSTANT, "gm"))].map(([, ...pair]) => pair)),
  );
  const uses = new RegExp(`\\b(${[...values.keys()].join("|")})\\b`, "g");
  const body = lua.replaceAll(new RegExp(CONSTANT, "gm"), "");
  return body.replaceAll(uses, (name) => values.get(name));
}

/** The definitions that a text uses, directly or by another definition. `follows`: whether to look into a definition. */
function usedBy(script, follows) {
  const used = new Set();
  let text = script;
  for (const definition of definitions.toReversed()) {
    if (!new RegExp(`\\b${definition.name}\\b`).test(text)) continue;
    used.add(definition);
    if (follows(definition)) text = definition.text + text;
  }
  return used;
}

function withPrelude(lua) {
  const script = withoutConstants(lua);
  const all = usedBy(script, () => true);
  // A function that only rare ones use is rare, too. Other definitions are not: one of them changes ARGV.
  const direct = usedBy(script, ({ isRare }) => !isRare);
  const isUsual = (one) => (direct.has(one) && !one.isRare) || (all.has(one) && !one.isFunction);
  const usual = definitions.filter(isUsual);
  const rare = definitions.filter((one) => all.has(one) && !isUsual(one));
  if (rare.length === 0) return usual.map(({ text }) => text).join("") + script;
  const calls = new RegExp(`\\b(${rare.map(({ name }) => name).join("|")})\\(`, "g");
  const lazily = (text) => text.replace(calls, "rare('$1')(");
  const table = rare.filter(({ isRare }) => isRare).map(({ name }) => `${name} = ${name}`);
  return [
    "local rare\n",
    ...usual.map(({ text }) => lazily(text)),
    "rare = function(name)\n",
    ...rare.map(({ text }) => text),
    `return ({ ${table.join(", ")} })[name]\nend\n`,
    lazily(script),
  ].join("");
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
