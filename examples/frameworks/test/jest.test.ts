import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { promisify } from "node:util";
import { expect, onTestFinished, test } from "vitest";

const run = promisify(execFile);
const frameworks = join(import.meta.dirname, "..");
const repository = join(frameworks, "../..");

/** A project of a user: the packages as npm installs them, which are no links, because Jest checks their paths. */
async function projectOf(kind: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "wsession-jest-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  await cp(join(frameworks, "jest", kind), folder, { recursive: true });
  const modules = join(folder, "node_modules");
  await mkdir(join(modules, "@wsession"), { recursive: true });
  for (const name of await readdir(join(frameworks, "node_modules")))
    if (name !== "@wsession") await symlink(join(frameworks, "node_modules", name), join(modules, name));
  for (const name of ["protocol", "core", "adapter-ws"])
    for (const part of ["package.json", "dist"])
      await cp(join(repository, "packages", name, part), join(modules, "@wsession", name, part), {
        recursive: true,
      });
  return folder;
}

test.each([
  { kind: "esm", config: "jest.config.js", flags: ["--experimental-vm-modules"] },
  { kind: "commonjs", config: "jest.config.cjs", flags: [] },
])(
  "Jest runs a test of handlers with real sockets, as users have it: $kind",
  { timeout: 180_000 },
  async ({ kind, config, flags }) => {
    const folder = await projectOf(kind);
    const jest = join(frameworks, "node_modules/jest/bin/jest.js");
    const args = [...flags, jest, "--json", "--config", config, "--cacheDirectory", join(folder, "cache")];
    const { stdout, stderr } = await run(process.execPath, args, { cwd: folder });
    expect(JSON.parse(stdout)).toMatchObject({ success: true, numPassedTests: 2, numTotalTests: 2 });
    expect(stderr).not.toMatch(/ts-jest\[|deprecat/);
    const page = await readFile(join(repository, "docs/frameworks.md"), "utf8");
    expect(page).toContain(await readFile(join(frameworks, "jest", kind, config), "utf8"));
  },
);
