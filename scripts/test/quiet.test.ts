import { execFile } from "node:child_process";
import { join } from "node:path";
import { expect, test } from "vitest";
import { root } from "../run-tool.mjs";
import { vitestArguments } from "../vitest-arguments.mjs";
import { hideTypesNotice } from "../vitest-notice.mjs";

/** Runs planted tests, all of which pass, as `npm test` runs this project's. */
function run(...names: readonly string[]): Promise<{ readonly code: number; readonly output: string }> {
  const planted = join(root, "scripts/test/planted");
  const files = names.map((name) => `${name}.planted.ts`);
  const args = vitestArguments({}, ["--root", planted, ...files]);
  return new Promise((resolve) => {
    const child = execFile(join(root, "node_modules/.bin/vitest"), args, (_, stdout, stderr) => {
      resolve({ code: child.exitCode ?? -1, output: stdout + stderr });
    });
  });
}

test("npm test passes where the tests print nothing", async () => {
  const { code, output } = await run("quiet");
  expect(output).toContain("1 passed");
  expect(output).not.toContain("not quiet");
  expect(code).toBe(0);
});

test("npm test fails where tests print, though all of them pass, and quotes each line with its source", async () => {
  const { code, output } = await run("child", "console", "quiet", "stream", "warning");
  expect(output).toContain("5 passed");
  expect(code).toBe(1);
  const quoted = output.slice(output.indexOf("not quiet"));
  expect(quoted).toMatch(/^stdout, console\.planted\.ts > a suite > prints:\n {2}printed by a test$/m);
  expect(quoted).toMatch(/^stdout, while .*child\.planted\.ts.* ran:\n(?: {2}.*\n)* {2}printed by a child$/m);
  const complaints = ["complained of by a child", "written by a test", "WsessionWarning: an expected error"];
  for (const [index, name] of ["child", "stream", "warning"].entries()) {
    const source = `^stderr, while .*${name}\\.planted\\.ts.* ran:\\n(?: {2}.*\\n)* {2}.*${complaints[index]}`;
    expect(quoted).toMatch(new RegExp(source, "m"));
  }
});

test("the notice of vitest about tests of types is not shown, and every other text is", () => {
  const written: unknown[] = [];
  const stream = { write: (text: unknown) => written.push(text) > 0 };
  hideTypesNotice(stream);
  const notice =
    "Testing types with tsc and vue-tsc is an experimental feature.\nPlease pin Vitest's version when using it.";
  const others = ["\u001b[33mTypeError: x\u001b[39m\n", `${notice} And an error.\n`, `an error\n${notice}\n`];
  for (const text of [`${notice}\n`, `\u001b[33m${notice}\u001b[39m\n`, ...others])
    expect(stream.write(text)).toBe(true);
  expect(written).toEqual(others);
});
