// The names of the tests as the sources have them. `vitest list` would run every file, which takes minutes.
import { readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

const IMPORT = /import\s+(?:type\s+)?(?:\{([^}]*)\}\s+from\s+)?"([^"]+)"/g;
const EXPORT = /export\s+\{([^}]*)\}\s+from\s+"([^"]+)"/g;
/** The first argument of `describe`, `test` and `test.each(…)`, and the names of cases. */
const NAME = /(?:\b(?:describe|test|it)\(|\)\(|\bname:)\s*(?:"((?:[^"\\\n]|\\.)*)"|`((?:[^`\\]|\\.)*)`)/g;
/** The strings and numbers of a source, one of which a run may fill in for a placeholder. */
const VALUE = /"((?:[^"\\\n]|\\.)*)"|\b(\d+)\b/g;
const PLACEHOLDER = /\$\{[^}]*\}|%[sdioj]|\$[\w.]+/;

/** @typedef {{ readonly names: readonly string[][], readonly values: readonly string[] }} TestNames */

/** @type {Map<string, TestNames>} */
const read = new Map();

/**
 * Returns the parts of a `-t` pattern that no test's name in a file contains. `|` and `.*` separate the parts, and any other character
 * stands for itself. A placeholder of a name stands for any string or number of the sources.
 *
 * @param {string} file the test file, relative to the checkout
 * @param {string} pattern
 * @returns {string[]}
 */
export function unmatchedParts(file, pattern) {
  const { names, values } = namesOf(file);
  return pattern
    .split(/\||\.\*/)
    .map((part) => part.replaceAll("\\", ""))
    .filter(
      (part) => !names.some((segments) => segments.some((_, at) => startsIn(part, segments, at, values))),
    );
}

/**
 * @param {string} part
 * @param {readonly string[]} segments of a name, with a placeholder between each two
 * @param {number} at the segment in which the part starts
 * @param {readonly string[]} values
 */
function startsIn(part, segments, at, values) {
  const segment = segments[at] ?? "";
  if (segment.includes(part)) return true;
  return suffixes(segment).some(
    (suffix) => part.startsWith(suffix) && continues(part.slice(suffix.length), segments, at + 1, values),
  );
}

/**
 * @param {string} rest of a part, behind the segment before `at`
 * @param {readonly string[]} segments
 * @param {number} at
 * @param {readonly string[]} values
 * @returns {boolean}
 */
function continues(rest, segments, at, values) {
  const segment = segments[at];
  if (segment === undefined) return false;
  return values.some((value) => {
    if (value.startsWith(rest)) return true;
    if (!rest.startsWith(value)) return false;
    const behind = rest.slice(value.length);
    if (segment.startsWith(behind)) return true;
    return behind.startsWith(segment) && continues(behind.slice(segment.length), segments, at + 1, values);
  });
}

/**
 * All ends of a text, from the whole text to none of it.
 *
 * @param {string} text
 */
function suffixes(text) {
  return Array.from({ length: text.length + 1 }, (_, index) => text.slice(index));
}

/**
 * @param {string} file
 * @returns {TestNames}
 */
function namesOf(file) {
  const known = read.get(file);
  if (known !== undefined) return known;
  const texts = [...sourcesOf(file)].map((source) => readFileSync(join(root, source), "utf8"));
  const found = {
    names: texts.flatMap((text) =>
      [...text.matchAll(NAME)].map(([, plain, template]) =>
        unescaped(plain ?? template ?? "").split(PLACEHOLDER),
      ),
    ),
    values: texts.flatMap((text) =>
      [...text.matchAll(VALUE)].map(([, string, number]) =>
        string === undefined ? (number ?? "") : unescaped(string),
      ),
    ),
  };
  read.set(file, found);
  return found;
}

/** @param {string} text */
function unescaped(text) {
  return text.replaceAll(/\\(["'`\\])/g, "$1");
}

/**
 * A test file, and the files of tests and suites that it imports.
 *
 * @param {string} file
 * @param {Set<string>} found
 */
function sourcesOf(file, found = new Set()) {
  if (found.has(file)) return found;
  found.add(file);
  const text = readFileSync(join(root, file), "utf8");
  for (const [, names = "", from = ""] of text.matchAll(IMPORT)) {
    if (from === "@wsession/conformance") for (const suite of suitesOf(names)) sourcesOf(suite, found);
    else if (from.startsWith(".") && from.endsWith(".ts"))
      sourcesOf(relative(root, join(root, dirname(file), from)), found);
  }
  return found;
}

/**
 * The files of the conformance package that export some of the names.
 *
 * @param {string} names
 */
function suitesOf(names) {
  const folder = "packages/conformance/src";
  const imported = namesIn(names);
  return [...readFileSync(join(root, folder, "index.ts"), "utf8").matchAll(EXPORT)]
    .filter(([, exported = ""]) => namesIn(exported).some((name) => imported.includes(name)))
    .map(([, , from = ""]) => join(folder, from));
}

/** @param {string} list */
function namesIn(list) {
  return list
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "");
}
