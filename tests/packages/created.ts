/** Applications of create-wsession in a project that has the packed packages: compiled, and run. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { cp } from "node:fs/promises";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { rolldown } from "rolldown";
import { run, userEnvironment } from "./commands.ts";
import { repository } from "./tarballs.ts";

const command = join(repository, "packages", "create-wsession", "dist", "main.js");

/** Writes an application into the project, whose packages it finds. Resolves with its folder. */
export async function createIn(project: string, name: string, options: readonly string[]): Promise<string> {
  await run(project, process.execPath, [command, name, ...options]);
  return join(project, name);
}

/** Builds as `npm run build`, with the compiler and without esbuild, which is not installed here. */
export async function build(application: string, tsc: string): Promise<void> {
  const emit = ["--noEmit", "false", "--rewriteRelativeImportExtensions", "--outDir", "dist"];
  await run(application, process.execPath, [tsc, ...emit]);
  const served = join(application, "dist", "src", "public");
  await cp(join(application, "public"), served, { recursive: true });
  const page = await rolldown({ input: join(application, "src", "page.ts"), platform: "browser" });
  await page.write({ file: join(served, "page.js"), format: "esm" });
  await page.close();
}

/** Runs the application's own test. Resolves with its exit code, and with what it printed. */
export async function runTest(application: string, environment: Readonly<Record<string, string>>) {
  const child = spawn(process.execPath, ["--test", join("dist", "test", "application.test.js")], {
    cwd: application,
    env: { ...userEnvironment(), ...environment },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const [printed, [code]] = await Promise.all([text(child.stdout), once(child, "exit")]);
  return { code: Number(code), printed };
}
