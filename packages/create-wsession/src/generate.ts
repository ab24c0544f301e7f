/**
 * Writes an application: the files of `base`, then those of one folder for each answer. Two files are in several of these folders, and
 * are merged: `package.json` (the dependencies of all) and `README.md` (one text after the other). Any other file is in one folder only.
 */
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Answers } from "./answers.ts";
import type { Target } from "./target.ts";

type Manifest = Readonly<Record<string, unknown>>;

const templates = join(import.meta.dirname, "..", "templates");

/** Resolves with the version of this package, which is that of all packages of wsession. */
export async function ownVersion(): Promise<string> {
  const manifest = await readManifest(join(import.meta.dirname, "..", "package.json"));
  return String(manifest["version"]);
}

/** Resolves with the paths of the files that were written. */
export async function generate({ folder, name }: Target, answers: Answers): Promise<readonly string[]> {
  const folders = [
    "base",
    `runtime-${answers.runtime}`,
    `store-${answers.store}`,
    `login-${answers.login ? "yes" : "no"}`,
  ].map((each) => join(templates, each));
  const files = new Map<string, string>();
  for (const each of folders)
    for (const path of await filesIn(each)) {
      if (path === "package.json" || path === "README.md") continue;
      // npm omits a file .gitignore from a tarball, so the template has another name.
      files.set(path === "gitignore" ? ".gitignore" : path, await readFile(join(each, path), "utf8"));
    }
  files.set("package.json", await toManifest(name, folders));
  files.set("README.md", await toReadme(name, folders));
  for (const [path, text] of files) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    // The folder was empty. A file that exists now was written by another process, and is not overwritten.
    await writeFile(join(folder, path), text, { flag: "wx" });
  }
  return [...files.keys()];
}

async function filesIn(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1));
}

/** Merges the manifests. Packages of wsession have the range `*` in the templates, and get the version of this package. */
async function toManifest(name: string, folders: readonly string[]): Promise<string> {
  const own = `^${await ownVersion()}`;
  const parts = await Promise.all(folders.map(async (each) => readManifest(join(each, "package.json"))));
  const dependencies = merge(parts, "dependencies").map(([each, range]) => [
    each,
    range === "*" ? own : range,
  ]);
  // A package that is a dependency already is not also a dependency of the development.
  const needed = new Set(dependencies.map(([each]) => each));
  const devDependencies = merge(parts, "devDependencies").filter(([each]) => !needed.has(each));
  const manifest = {
    name,
    version: "0.0.0",
    ...parts[0],
    dependencies: Object.fromEntries(dependencies),
    devDependencies: Object.fromEntries(devDependencies),
  };
  return `${JSON.stringify(manifest, null, 2)}\n`;
}

function merge(parts: readonly Manifest[], field: string): (readonly [string, unknown])[] {
  return parts
    .flatMap((part) => Object.entries(part[field] ?? {}))
    .toSorted(([one], [other]) => (one < other ? -1 : 1));
}

async function toReadme(name: string, folders: readonly string[]): Promise<string> {
  const texts = await Promise.all(folders.map(async (each) => readIfThere(join(each, "README.md"))));
  return [`# ${name}\n`, ...texts.filter((text) => text !== "")].join("\n");
}

async function readManifest(file: string): Promise<Manifest> {
  const parsed: unknown = JSON.parse((await readIfThere(file)) || "{}");
  return typeof parsed === "object" && parsed !== null ? Object.fromEntries(Object.entries(parsed)) : {};
}

/** Resolves with the text of the file, or with an empty text if there is no such file. */
async function readIfThere(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return "";
    throw error;
  }
}
