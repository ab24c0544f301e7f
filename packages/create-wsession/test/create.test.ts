import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { text } from "node:stream/consumers";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { run } from "../dist/run.js";

const repository = join(import.meta.dirname, "..", "..", "..");
const main = join(import.meta.dirname, "..", "dist", "main.js");
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "create-wsession-"));
});

afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** Runs the command without a terminal, or with one on which these lines are typed. */
async function create(
  args: readonly string[],
  { typed, userAgent }: { typed?: string; userAgent?: string } = {},
) {
  let [printed, errors] = ["", ""];
  const input = new PassThrough();
  const output = new PassThrough();
  const asked = text(output);
  if (typed !== undefined) input.end(typed);
  const code = await run(args, {
    workingDirectory: folder,
    userAgent,
    terminal: typed === undefined ? undefined : { input, output },
    print: (each) => (printed += each),
    printError: (each) => (errors += each),
  });
  output.end();
  return { code, printed, errors, asked: await asked };
}

const read = (...path: readonly string[]) => readFileSync(join(folder, ...path), "utf8");

describe("wrong arguments end with the exit code 2 and a sentence, and no file is written", () => {
  test.each([
    [[], "the folder of the new application is missing"],
    [["a", "b"], "one folder is expected, not 2"],
    [["app", "--runtime", "deno"], '--runtime is ws or uws, not "deno"'],
    [["app", "--runtime", ""], '--runtime is ws or uws, not ""'],
    [["app", "--store", "file"], '--store is map or redis, not "file"'],
    [["app", "--login", "--no-login"], "--login and --no-login contradict each other"],
    [["app", "--log-in"], "Unknown option '--log-in'"],
    [["app", "--store"], "Option '--store <value>' argument missing"],
    [["app", "--login=yes"], "Option '--login' does not take an argument"],
    [["My App"], '"My App" is not a valid name for a package'],
    [["_app"], '"_app" is not a valid name for a package'],
    [[".app"], '".app" is not a valid name for a package'],
    [["node_modules"], '"node_modules" is not a valid name for a package'],
    [["a".repeat(215)], "is not a valid name for a package"],
    [["x/é"], '"é" is not a valid name for a package'],
  ])("%j", async (args, sentence) => {
    const { code, errors, printed } = await create(args);
    expect({ code, printed }).toEqual({ code: 2, printed: "" });
    expect(errors).toMatch(/^create-wsession: .*\n$/);
    expect(errors).toContain(sentence);
    expect(readdirSync(folder)).toEqual([]);
  });

  test("a folder that contains files is refused, and so is a file in its place", async () => {
    mkdirSync(join(folder, "full"));
    writeFileSync(join(folder, "full", "mine.txt"), "mine");
    writeFileSync(join(folder, "file"), "mine");
    expect(await create(["full"])).toMatchObject({
      code: 2,
      errors: expect.stringContaining("is not empty"),
    });
    expect(await create(["file"])).toMatchObject({ code: 2, errors: expect.stringContaining("is a file") });
    expect(readdirSync(join(folder, "full"))).toEqual(["mine.txt"]);
  });
});

test("if the folder can't be created, the command ends with the exit code 1 and a sentence", async () => {
  writeFileSync(join(folder, "file"), "");
  const { code, errors } = await create(["file/app"]);
  expect(code).toBe(1);
  expect(errors).toMatch(/^create-wsession: E[A-Z]+:.*\n$/);
});

describe("questions", () => {
  test("on a terminal the command asks for each choice that no argument has made, and asks again after a wrong answer", async () => {
    const { code, asked } = await create(["--store", "map"], { typed: "app\nnode\nuws\nperhaps\ny\n" });
    expect(code).toBe(0);
    expect(asked).toContain('the runtime is ws or uws, not "node"');
    expect(asked).not.toContain("Store");
    expect(read("app", "package.json")).toContain("adapter-uws");
    expect(readdirSync(join(folder, "app", "src"))).toContain("users.ts");
  });

  test("an empty answer is the default", async () => {
    expect(await create([], { typed: "\n\n\n\n" })).toMatchObject({ code: 0 });
    expect(read("wsession-app", "src", "store.ts")).toContain("mapStore");
  });

  test("the command asks nothing if arguments make each choice, or with --yes", async () => {
    const all = ["one", "--runtime", "ws", "--store", "redis", "--no-login"];
    expect(await create(all, { typed: "" })).toMatchObject({ code: 0, asked: "" });
    expect(await create(["--yes"], { typed: "" })).toMatchObject({ code: 0, asked: "" });
    expect(readdirSync(folder)).toEqual(["one", "wsession-app"]);
  });

  test("if the input ends before the last answer, no file is written", async () => {
    const { code, errors } = await create([], { typed: "app\nws\n" });
    expect({ code, errors }).toEqual({ code: 130, errors: "\ncreate-wsession: nothing was written\n" });
    expect(readdirSync(folder)).toEqual([]);
  });

  test("a wrong folder is refused before the first question", async () => {
    expect(await create(["My App"], { typed: "" })).toMatchObject({ code: 2, asked: "" });
  });

  test("the process never asks without a terminal, although its input stays open", async () => {
    const child = spawn(process.execPath, [main, "app"], { cwd: folder, stdio: ["pipe", "pipe", "inherit"] });
    const [code] = await once(child, "exit");
    expect(code).toBe(0);
    child.stdin.destroy();
    expect(readdirSync(join(folder, "app"))).toContain("package.json");
  });
});

describe("the next steps", () => {
  test.each([
    ["npm/11.0.0 node/v22.0.0 linux x64", "  cd app\n  npm install\n  npm test\n  npm run dev\n"],
    ["pnpm/10.0.0 npm/? node/v22.0.0", "  cd app\n  pnpm install\n  pnpm test\n  pnpm dev\n"],
    ["yarn/4.0.0 npm/? node/v22.0.0", "  cd app\n  yarn install\n  yarn test\n  yarn dev\n"],
    ["bun/1.2.0 npm/? node/v22.0.0", "  cd app\n  bun install\n  bun run test\n  bun run dev\n"],
    [undefined, "  cd app\n  npm install\n  npm test\n  npm run dev\n"],
  ])("are those of %s", async (userAgent, steps) => {
    const { printed } = await create(["app"], userAgent === undefined ? {} : { userAgent });
    expect(printed).toBe(`app is in ${join(folder, "app")}\n\n${steps}`);
  });
});

test("the working directory itself can be the folder", async () => {
  mkdirSync(join(folder, "here", ".git"), { recursive: true });
  const result = spawnSync(process.execPath, [main, "."], { cwd: join(folder, "here"), encoding: "utf8" });
  expect(result).toMatchObject({ status: 0, stderr: "" });
  expect(result.stdout).not.toContain("cd ");
  expect(readdirSync(join(folder, "here")).toSorted()).toContain(".gitignore");
});

test("--help and --version are printed, and no file is written", async () => {
  const { version } = JSON.parse(readFileSync(join(repository, "packages/core/package.json"), "utf8"));
  expect(await create(["--version"])).toMatchObject({ code: 0, printed: `${version}\n` });
  expect((await create(["--help"])).printed).toContain("--runtime ws|uws");
  expect(readdirSync(folder)).toEqual([]);
});

describe("the 8 applications", () => {
  const choices = ["ws", "uws"].flatMap((runtime) =>
    ["map", "redis"].flatMap((store) =>
      ["login", "no-login"].map((login) => [runtime, store, login] as const),
    ),
  );

  async function generateAll(): Promise<readonly string[]> {
    // They find what this repository has installed and built.
    symlinkSync(join(repository, "node_modules"), join(folder, "node_modules"));
    for (const [runtime, store, login] of choices) {
      const name = [runtime, store, login].join("-");
      expect(await create([name, "--runtime", runtime, "--store", store, `--${login}`])).toMatchObject({
        code: 0,
      });
    }
    return choices.map((choice) => choice.join("-"));
  }

  function typeErrors(projects: readonly string[]): string {
    const tsc = join(repository, "node_modules", "typescript", "bin", "tsc");
    const options = ["-b", "--pretty", "false", ...projects];
    return spawnSync(process.execPath, [tsc, ...options], { cwd: folder, encoding: "utf8" }).stdout;
  }

  test("compile with dependencies on this package's version, and an application with a mistake does not compile", async () => {
    const names = await generateAll();
    const last = names.at(-1) ?? "";
    const broken = join(folder, last, "src", "handlers.ts");
    writeFileSync(broken, read(last, "src", "handlers.ts").replace("data.clicks + 1", "data.click + 1"));
    expect(typeErrors(names)).toMatch(
      /^uws-redis-no-login\/src\/handlers\.ts\(\d+,\d+\): error TS2551: [^\n]*\n$/,
    );

    const own = JSON.parse(readFileSync(join(repository, "packages/create-wsession/package.json"), "utf8"));
    for (const name of names) {
      const { dependencies, devDependencies } = JSON.parse(read(name, "package.json"));
      const ours = Object.entries(dependencies).filter(([each]) => each.startsWith("@wsession/"));
      expect(new Set(ours.map(([, range]) => range))).toEqual(new Set([`^${own.version}`]));
      expect(Object.keys(dependencies).filter((each) => each in devDependencies)).toEqual([]);
    }
  });
});
