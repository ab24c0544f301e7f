/** The code of the pages: each block stands in a file that the build compiles, and what can run is run. */
import { execFileSync } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { startRedis } from "../../packages/store-redis/test/redis-server.ts";
import { main as guarantees } from "../dist/pages/guarantees.js";
import { main as operations } from "../dist/pages/operations.js";
import { main as presence } from "../dist/pages/presence.js";
import { main as security, withOrigins, withSchema } from "../dist/pages/security.js";
import { main as telemetry } from "../dist/pages/telemetry.js";

const root = join(import.meta.dirname, "..", "..");

/** The files of the repository that match. */
function files(...patterns: string[]): string[] {
  return execFileSync("git", ["ls-files", ...patterns], { cwd: root, encoding: "utf8" })
    .trim()
    .split("\n");
}

/** The blocks of TypeScript and JavaScript on a page, in order. */
function codeBlocks(page: string): string[] {
  return [...page.matchAll(/^( *)```(?:ts|js|tsx|jsx|typescript|javascript|mjs)\n(.*?)^ *```$/gms)].map(
    ([, indent = "", code = ""]) => code.replaceAll(new RegExp(`^${indent}`, "gm"), ""),
  );
}

/** What stands between `// #region NAME` and `// #endregion`, not indented. */
function regions(source: string): string[] {
  const found = source.matchAll(/^( *)\/\/ #region \S+\n(.*?)^ *\/\/ #endregion$/gms);
  return [...found].map(([, indent = "", body = ""]) => body.replaceAll(new RegExp(`^${indent}`, "gm"), ""));
}

describe("the code of the pages", async () => {
  const read = (file: string) => readFile(join(root, file), "utf8");
  const sources = await Promise.all(files(":(glob)examples/src/**/*.ts").map(read));
  const shown = new Set(sources.flatMap(regions));
  // `npm run test:frameworks` runs jest with these.
  const settings = files(":(glob)examples/frameworks/jest/**/jest.config.*");
  const compiled = new Set([...shown, ...(await Promise.all(settings.map(read)))]);
  const blocks = await Promise.all(
    files("README.md", "CONTRIBUTING.md", ":(glob)docs/**/*.md", ":(glob)packages/*/README.md").map(
      async (page) => [page, codeBlocks(await read(page))] as const,
    ),
  );

  test("each block of each page is compiled", () => {
    const missing = blocks.flatMap(([page, codes]) =>
      codes.filter((code) => !compiled.has(code)).map((code) => `${page}: ${code.slice(0, 60)}`),
    );
    expect(missing).toEqual([]);
    expect(blocks.flatMap(([, codes]) => codes).length).toBeGreaterThan(90);
  });

  test("each region of an example is on a page", () => {
    const onPages = new Set(blocks.flatMap(([, codes]) => codes));
    expect([...shown].filter((code) => !onPages.has(code))).toEqual([]);
  });

  test("a block that differs by one character is detected", () => {
    const [block = ""] = codeBlocks("```ts\nconst a = 1;\n```\n");
    expect(regions("  // #region a\n  const a = 1;\n  // #endregion\n")).toContain(block);
    expect(regions("// #region a\nconst a = 2;\n// #endregion\n")).not.toContain(block);
  });
});

test("guarantees: a change without the store, an outcome, and the wait for a replica", async () => {
  const redis = await startRedis();
  try {
    expect(await guarantees(`redis://${redis.host}:${redis.port}`)).toEqual([
      "applied",
      "items: apple",
      "written",
    ]);
    expect(await presence(`redis://${redis.host}:${redis.port}`)).toEqual([
      "online",
      "closed with 4410",
      "0 absent yet",
    ]);
  } finally {
    await redis.stop();
  }
});

test("security: the code of identify opens the session, and a login ends the other connections", async () => {
  expect(await security()).toEqual(["again", "renewed", "closed with 4401 and 4401"]);
  await withOrigins().close();
  await withSchema().close();
});

test("operations: sessions from before a time are destroyed", async () => {
  expect(await operations()).toEqual(["logged in at 2", "logged in at 3"]);
});

test("telemetry: listeners and OpenTelemetry change nothing about a message", async () => {
  expect(await telemetry()).toEqual(["heard"]);
});
