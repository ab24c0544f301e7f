/** The programs that each compiler checks. */
import { copyFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { checked, checkPrograms, compilers } from "./compilers.ts";
import type { Compiler, Diagnostic } from "./compilers.ts";
import { mistakes } from "./mistakes.ts";
import { readmeExample } from "./readme-example.ts";
import { resolutionPrograms } from "./resolutions.ts";
import { repository } from "./tarballs.ts";

/** By compiler and program. */
export type Diagnostics = ReadonlyMap<string, ReadonlyMap<string, readonly Diagnostic[]>>;

/** Checks all programs with all compilers. */
export async function compileAll(project: string): Promise<Diagnostics> {
  const example = await readmeExample();
  await writeFile(join(project, "example.ts"), example);
  await writeFile(join(project, "mistake.ts"), example.replace(/\.visits\b/, ".vists"));
  await writeFile(
    join(project, "below.ts"),
    `import { accept, createSessions } from "@wsession/core";
     createSessions({
       initial: (_handshake, context) => ({ name: context.user }),
       admit: ({ url }) => accept({ context: { user: url } }),
     });`,
  );
  await writeFile(join(project, "mistakes.ts"), mistakes);
  const context = ["", "-handlers", "-mistakes"].map((part) => `types-context${part}.test-d.ts`);
  for (const file of ["messages/definition.ts", "messages/messages.test-d.ts", ...context])
    await copyFile(join(repository, "tests", file), join(project, file.replace(/.*\//, "")));
  const nodenext = { module: "nodenext" };
  // The declarations of the validators and of vitest are theirs.
  const quick = { ...nodenext, skipLibCheck: true, allowImportingTsExtensions: true };
  const of = async (compiler: Compiler) =>
    checkPrograms(project, compiler, [
      ...(await resolutionPrograms(project, compiler)),
      compiler === "ts59"
        ? checked("example", ["example.ts"], { ...nodenext, noEmit: false, outDir: "compiled" })
        : checked("example", ["example.ts"], nodenext),
      checked("mistake", ["mistake.ts"], nodenext),
      checked("below", ["below.ts"], quick),
      checked("mistakes", ["mistakes.ts"], quick),
      checked("context", context, quick),
      checked("messages", ["messages.test-d.ts", "definition.ts"], quick),
    ]);
  const found = new Map<string, Awaited<ReturnType<typeof of>>>();
  // Two at a time: all eight at once would need several gigabytes.
  for (let first = 0; first < compilers.length; first += 2)
    await Promise.all(compilers.slice(first, first + 2).map(async (one) => found.set(one, await of(one))));
  return found;
}
