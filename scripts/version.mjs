// `npm run release:version`: gives all packages the next version. The files in .changeset say which part of the version grows, and their texts
// become lines of CHANGELOG.md, under the heading of the version. Commits nothing.
//
// `changeset version` is not used: it answers a minor change of core, which is a peer dependency of the others, with a major version for
// all packages.
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { pathToFileURL } from "node:url";
import { publishedPackages } from "./packages.mjs";
import { root } from "./run-tool.mjs";
import { ToolError } from "./tools.mjs";

/** @import { Manifest } from "./packages.mjs" */
/** @typedef {"patch" | "minor" | "major"} Kind */
/** @typedef {{ readonly file: string, readonly kind: Kind, readonly text: string }} Note */

/** The kinds of changes. A later one outweighs an earlier one. */
const kinds = /** @type {const} */ (["patch", "minor", "major"]);
const UNRELEASED = "## Unreleased";

/**
 * Writes the next version into all packages, the lock file and the changelog, and deletes the files of .changeset. Returns the
 * version. Throws a ToolError, and changes nothing, if a file can't be read as a change or if there is none.
 *
 * @param {string} folder of the repository
 * @returns {string}
 */
export function setNextVersion(folder) {
  const packages = publishedPackages(join(folder, "packages"));
  const names = new Set(packages.map(({ manifest }) => manifest.name));
  const notes = readNotes(join(folder, ".changeset"), names);
  const [{ manifest: { version: current } } = { manifest: { version: "" } }] = packages;
  const version = nextVersionAfter(current, notes);
  const changelog = join(folder, "CHANGELOG.md");
  const text = addTo(readFileSync(changelog, "utf8"), version, notes);

  writeFileSync(changelog, text);
  for (const { folder: each, manifest } of packages) {
    setVersion(manifest, version);
    write(join(each, "package.json"), manifest);
  }
  const lockFile = join(folder, "package-lock.json");
  if (existsSync(lockFile)) setVersionsOfLock(lockFile, names, version);
  for (const { file } of notes) rmSync(file);
  return version;
}

/**
 * @param {string} folder
 * @param {ReadonlySet<string>} names of the packages
 * @returns {readonly Note[]}
 */
function readNotes(folder, names) {
  const files = readdirSync(folder).filter((file) => file.endsWith(".md") && file !== "README.md");
  if (files.length === 0) throw new ToolError("There is no change to release: .changeset has no file.");
  return files.toSorted().map((file) => readNote(join(folder, file), names));
}

/**
 * @param {string} file
 * @param {ReadonlySet<string>} names
 * @returns {Note}
 */
function readNote(file, names) {
  const [, head = "", text = ""] = /^---\n(.*?)\n---\n(.*)$/s.exec(readFileSync(file, "utf8")) ?? [];
  const found = head.split("\n").map((line) => /^["']?([^"':]+)["']?: (\w+)$/.exec(line));
  const weights = found.map((match) => {
    const weight = kinds.findIndex((kind) => kind === match?.[2]);
    if (weight !== -1 && names.has(match?.[1] ?? "")) return weight;
    throw new ToolError(
      `${file} must begin with lines like '"@wsession/core": minor' between two lines of '---': a published package, and ${kinds.join(", ")}.`,
    );
  });
  return { file, kind: kinds[Math.max(...weights)] ?? "patch", text: text.trim() };
}

/**
 * @param {string} version
 * @param {readonly Note[]} notes
 */
function nextVersionAfter(version, notes) {
  const [major = 0, minor = 0, patch = 0] = version.split(".").map(Number);
  if (notes.some(({ kind }) => kind === "major")) return `${major + 1}.0.0`;
  if (notes.some(({ kind }) => kind === "minor")) return `${major}.${minor + 1}.0`;
  return `${major}.${minor}.${patch + 1}`;
}

/**
 * @param {string} changelog
 * @param {string} version
 * @param {readonly Note[]} notes
 */
function addTo(changelog, version, notes) {
  if (!changelog.includes(`\n${UNRELEASED}\n`))
    throw new ToolError(`CHANGELOG.md has no heading "${UNRELEASED}".`);
  const lines = notes
    .filter(({ text }) => text !== "")
    .map(({ text }) => `- ${text.replaceAll(/\n(?!\n)/g, "\n  ")}\n`);
  const list = lines.length === 0 ? "" : `\n${lines.join("")}`;
  return changelog.replace(`\n${UNRELEASED}\n`, () => `\n${UNRELEASED}\n\n## ${version}\n${list}`);
}

/**
 * @param {Manifest} manifest
 * @param {string} version
 */
function setVersion(manifest, version) {
  manifest.version = version;
  for (const ranges of [manifest.dependencies, manifest.peerDependencies])
    for (const name of Object.keys(ranges ?? {}))
      if (ranges !== undefined && name.startsWith("@wsession/")) ranges[name] = `^${version}`;
}

/**
 * npm copies the versions of the workspaces into its lock file.
 *
 * @param {string} file
 * @param {ReadonlySet<string>} names
 * @param {string} version
 */
function setVersionsOfLock(file, names, version) {
  /** @type {{ packages: Record<string, Manifest> }} */
  const lock = JSON.parse(readFileSync(file, "utf8"));
  for (const [path, entry] of Object.entries(lock.packages))
    if (/^packages\/[^/]+$/.test(path) && names.has(entry.name)) setVersion(entry, version);
  write(file, lock);
}

/**
 * @param {string} file
 * @param {unknown} content
 */
function write(file, content) {
  writeFileSync(file, `${JSON.stringify(content, null, 2)}\n`);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  try {
    console.log(
      `All packages have version ${setNextVersion(root)} now. Run \`npm install\`, and commit the change.`,
    );
  } catch (error) {
    if (!(error instanceof ToolError)) throw error;
    console.error(error.message);
    process.exitCode = 1;
  }
}
