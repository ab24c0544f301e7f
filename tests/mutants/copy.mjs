// A copy of this checkout in which sources may be broken: the mutants never touch the files that a developer edits.
import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const run = promisify(execFile);
const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/**
 * Copies the tracked files, the built packages, and links to the installed ones.
 *
 * @returns {Promise<string>} the folder
 */
export async function copyCheckout() {
  const folder = await mkdtemp(join(tmpdir(), "wsession-mutants-"));
  const { stdout } = await run("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"], {
    cwd: root,
    maxBuffer: 2 ** 26,
  });
  for (const file of stdout.split("\0").filter((name) => name !== "")) {
    // A file that git lists may have been deleted since.
    await cp(join(root, file), join(folder, file)).catch((error) => {
      if (error.code !== "ENOENT") throw error;
    });
  }
  const packages = (await readdir(join(root, "packages"))).map((name) => join("packages", name));
  for (const name of [...packages, join("apps", "demo")])
    await cp(join(root, name, "dist"), join(folder, name, "dist"), { recursive: true });
  await linkModules(join(root, "node_modules"), join(folder, "node_modules"));
  return folder;
}

/**
 * Links each installed package, but the workspaces' own: their links are relative, and have to lead into the copy.
 *
 * @param {string} from
 * @param {string} to
 */
async function linkModules(from, to) {
  await mkdir(to);
  for (const name of await readdir(from)) {
    if (name === "@wsession")
      await cp(join(from, name), join(to, name), { recursive: true, verbatimSymlinks: true });
    else await symlink(join(from, name), join(to, name));
  }
}

/**
 * Puts `replace` in the place of `find` in a file of the copy.
 *
 * @param {string} folder
 * @param {{ readonly file: string, readonly find: string, readonly replace: string }} mutant
 * @returns {Promise<() => Promise<void>>} undoes it
 */
export async function mutate(folder, { file, find, replace }) {
  const path = join(folder, file);
  const before = await readFile(path, "utf8");
  await writeFile(
    path,
    before.replace(find, () => replace),
  );
  return () => writeFile(path, before);
}

/** @param {string} folder */
export function removeCopy(folder) {
  return rm(folder, { recursive: true, force: true });
}

/**
 * Returns how often a mutant's text occurs in its file. It must occur exactly once.
 *
 * @param {{ readonly file: string, readonly find: string }} mutant
 */
export async function occurrences({ file, find }) {
  const text = await readFile(join(root, file), "utf8");
  return text.split(find).length - 1;
}
