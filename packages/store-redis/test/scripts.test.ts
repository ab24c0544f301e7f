/** The Lua scripts as text: what is sent to Redis, and what no run of them would show. */
import { readFileSync } from "node:fs";
import { execFileSync } from "node:child_process";
import luaparse from "luaparse";
import { expect, test } from "vitest";
import { SCRIPT_TEXTS } from "../src/scripts/generated.ts";

/** The globals of Redis that the scripts use. */
const GLOBALS = new Set(
  "ARGV KEYS cjson ipairs math pairs pcall redis string table tonumber tostring type unpack".split(" "),
);

/** The names in the script that neither it nor Redis defines. luaparse finds them, but its types do not say so. */
function undefinedNames(script: string): readonly string[] {
  const { globals } = luaparse.parse(script, { scope: true, luaVersion: "5.1" }) as luaparse.Chunk & {
    readonly globals: readonly luaparse.Identifier[];
  };
  return globals.map(({ name }) => name).filter((name) => !GLOBALS.has(name));
}

test("the embedded scripts equal the .lua files, and each has a header with its keys and outcomes", () => {
  const root = new URL("../", import.meta.url);
  expect(() =>
    execFileSync(process.execPath, ["embed-scripts.mjs", "--check"], { cwd: root, stdio: "pipe" }),
  ).not.toThrow();
  const generated = readFileSync(new URL("src/scripts/generated.ts", root), "utf8");
  for (const [, name] of generated.matchAll(/^ {2}"([a-z-]+)":/gm)) {
    const script = readFileSync(new URL(`src/scripts/${name}.lua`, root), "utf8");
    expect(script).toMatch(/^-- KEYS {2}(1 |none$)/m);
    expect(script).toMatch(/^-- Out {3}/m);
  }
});

// Lua reads an undefined name only when the line runs, and Redis then fails the script.
test.each(Object.entries(SCRIPT_TEXTS))("each name in the script %s is defined", (_, script) => {
  expect(undefinedNames(script)).toEqual([]);
});
