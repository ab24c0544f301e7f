/** `npm run tutorial`: each step starts alone, and prints what docs/tutorial.md shows under the step. */
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { startRedis } from "../../packages/store-redis/test/redis-server.ts";

const root = join(import.meta.dirname, "..", "..");
let page: string;

beforeAll(async () => {
  page = await readFile(join(root, "docs", "tutorial.md"), "utf8");
});

/** Runs the program of `npm run tutorial`, which builds before. */
function tutorial(args: readonly string[], redisUrl = "redis://127.0.0.1:1") {
  const env = { ...process.env, REDIS_URL: redisUrl };
  return new Promise<{ code: number | null; printed: string; errors: string }>((resolve) => {
    const file = join(root, "examples", "dist", "tutorial", "run.js");
    const child = execFile(process.execPath, [file, ...args], { env }, (_, printed, errors) => {
      resolve({ code: child.exitCode, printed, errors });
    });
  });
}

/** What the page shows under a step: the command, and what it prints. */
function shown(step: number): string | undefined {
  const [, section = ""] = page.split(new RegExp(`^## ${step}\\. `, "m"));
  const [own = ""] = section.split(/^## /m);
  return new RegExp(`^\`\`\`text\\n\\$ npm run --silent tutorial -- ${step}\\n(.*?)^\`\`\`$`, "ms").exec(
    own,
  )?.[1];
}

const steps = Array.from({ length: 11 }, (_, index) => index + 1);

test.each(steps)("step %i starts alone, and prints what the page shows", async (step) => {
  const redis = step === 8 ? await startRedis() : undefined;
  try {
    const url = redis === undefined ? undefined : `redis://${redis.host}:${redis.port}`;
    expect(await tutorial([String(step)], url)).toEqual({ code: 0, printed: shown(step), errors: "" });
  } finally {
    await redis?.stop();
  }
});

test("step 8 says in a sentence that it needs a Redis server", async () => {
  expect(await tutorial(["8"])).toEqual({
    code: 1,
    printed: "",
    errors: expect.stringMatching(/^Step 8 needs a Redis server at [^\n]+: [^\n]+\n$/),
  });
});

test.each([[[]], [["0"]], [["12"]], [["one"]], [["1", "2"]]])("%j is no step", async (args) => {
  expect(await tutorial(args)).toEqual({
    code: 2,
    printed: "",
    errors: expect.stringMatching(/^npm run tutorial -- STEP: [^\n]*from 1 to 11[^\n]*\n$/),
  });
});
