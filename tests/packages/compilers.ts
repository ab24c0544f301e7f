/** The compilers that the types of the packages are checked with, and the programs that they check. */
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { run } from "./commands.ts";
import { compilerVersions } from "./compiler-versions.mjs";

export type Compiler = keyof typeof compilerVersions;

/** Those whose ways to look up modules docs/compatibility.md shows. `npm run test:matrix` names all in WSESSION_COMPILERS. */
const { WSESSION_COMPILERS: named = "ts54 ts59 ts6 ts7" } = process.env;
export const compilers = named.split(" ").map((name): Compiler => {
  if (name in compilerVersions) return name as Compiler;
  throw new Error(`WSESSION_COMPILERS: there is no compiler ${name}`);
});

export interface Program {
  readonly name: string;
  readonly roots: readonly string[];
  /** As in a tsconfig.json. */
  readonly options: Readonly<Record<string, unknown>>;
}

export interface Diagnostic {
  readonly file: string;
  /** As in `TS2339`. */
  readonly code: string;
  readonly message: string;
}

/** All options that check the packages' declarations. The checks of the language's own declarations are off, because they take the most time. */
const strict = {
  strict: true,
  exactOptionalPropertyTypes: true,
  target: "es2022",
  types: ["node"],
  skipDefaultLibCheck: true,
};

export function checked(
  name: string,
  roots: readonly string[],
  options: Readonly<Record<string, unknown>>,
): Program {
  return { name, roots, options: { ...strict, noEmit: true, ...options } };
}

/** Checks all programs in one process, and resolves with the diagnostics of each. */
export async function checkPrograms(
  project: string,
  compiler: Compiler,
  programs: readonly Program[],
): Promise<ReadonlyMap<string, readonly Diagnostic[]>> {
  const found = compiler === "ts7" ? build(project, programs) : check(project, compiler, programs);
  const lists = await found;
  return new Map(programs.map(({ name }, index) => [name, lists[index] ?? []]));
}

async function check(
  project: string,
  compiler: Compiler,
  programs: readonly Program[],
): Promise<readonly (readonly Diagnostic[])[]> {
  const list = join(project, `programs-${compiler}.json`);
  await writeFile(list, JSON.stringify(programs));
  const script = join(import.meta.dirname, "check-types.mjs");
  return JSON.parse(await run(project, process.execPath, [script, compiler, list])) as Diagnostic[][];
}

/** TypeScript 7 has no API, and builds several projects in one process. The name of the file says which program has the error. */
async function build(
  project: string,
  programs: readonly Program[],
): Promise<readonly (readonly Diagnostic[])[]> {
  const folders = programs.map((_, index) => join("ts7-projects", String(index)));
  await Promise.all(
    programs.map(async ({ roots, options }, index) => {
      const folder = join(project, folders[index]!);
      await mkdir(folder, { recursive: true });
      const config = { compilerOptions: options, files: roots.map((root) => join(project, root)) };
      await writeFile(join(folder, "tsconfig.json"), JSON.stringify(config));
    }),
  );
  const tsc = join("node_modules", "ts7", "bin", "tsc");
  const printed = await run(project, process.execPath, [tsc, "-b", "--pretty", "false", ...folders], "any");
  const found = [...printed.matchAll(/^(\S+?)\(\d+,\d+\): error (TS\d+): (.*(?:\n +.*)*)$/gm)].map(
    ([, file = "", code = "", message = ""]) => ({ file, code, message }),
  );
  const ownerOf = ({ file }: Diagnostic) =>
    programs.findIndex(({ roots }, index) => roots.includes(file) || dirname(file) === folders[index]);
  const lost = found.filter((one) => ownerOf(one) === -1 && !isOfOthers(one.file));
  if (lost.length > 0) throw new Error(`the declarations have errors: ${JSON.stringify(lost)}`);
  return programs.map((_, index) => found.filter((one) => ownerOf(one) === index));
}

/** As in check-types.mjs. */
function isOfOthers(file: string): boolean {
  return /node_modules[\\/](?!@wsession[\\/])/.test(file);
}
