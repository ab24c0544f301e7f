/** The compilers that the types of the packages are checked with, and programs compiled by them. */
import { copyFile, readFile } from "node:fs/promises";
import { join } from "node:path";
import { run } from "./commands.ts";
import { repository } from "./tarballs.ts";

/** The compilers that the types are checked with: the oldest that has `NoInfer`, and the last one of each line since. */
export const compilerVersions = { ts54: "5.4", ts59: "5.9", ts6: "6.0", ts7: "7.0.2" } as const;
export type Compiler = keyof typeof compilerVersions;

/** Checks the test of the context's types. */
export async function checkContext(project: string, compiler: Compiler): Promise<void> {
  const file = `context-${compiler}.test-d.ts`;
  await copyFile(join(repository, "tests", "types-context.test-d.ts"), join(project, file));
  await typeCheck(project, compiler, file, ["--skipLibCheck"]);
}

const strict = ["--strict", "--exactOptionalPropertyTypes", "--module", "nodenext", "--target", "es2022"];

/** Also checks the declarations that a file imports, because a user may not set `skipLibCheck`. */
export async function typeCheck(
  project: string,
  compiler: Compiler,
  file: string,
  more: readonly string[] = [],
): Promise<void> {
  await tsc(project, compiler, [...strict, "--types", "node", "--noEmit", ...more, file]);
}

export async function compile(project: string, compiler: Compiler, file: string): Promise<string> {
  await tsc(project, compiler, [...strict, "--types", "node", "--outDir", "compiled", file]);
  return readFile(join(project, "compiled", file.replace(".ts", ".js")), "utf8");
}

async function tsc(project: string, compiler: Compiler, args: readonly string[]): Promise<void> {
  await run(project, process.execPath, [join("node_modules", compiler, "bin", "tsc"), ...args]);
}
