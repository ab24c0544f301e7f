// The API reports in api/: one file for each entry of a package, with every public type. `npm run api` writes them, and
// `node scripts/api.mjs --check` fails if one differs, so that a public type changes only on purpose. Both fail if a public
// declaration has no documentation.
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { pathToFileURL } from "node:url";
import { CompilerState, Extractor, ExtractorConfig, ExtractorLogLevel } from "@microsoft/api-extractor";
import { entriesOf, publishedPackages } from "./packages.mjs";
import { root } from "./run-tool.mjs";

/** @import { Entry } from "./packages.mjs" */

const reports = join(root, "api");

/**
 * The reports of these entries, by the name of their file. One program of the compiler serves all of them.
 *
 * @param {readonly Entry[]} entries
 * @returns {ReadonlyMap<string, string>}
 */
export function reportsOf(entries) {
  const folder = mkdtempSync(join(tmpdir(), "wsession-api-"));
  mkdirSync(join(folder, "reports"));
  try {
    const [first, ...others] = entries.map((entry) => configOf(entry, folder));
    if (first === undefined) return new Map();
    const state = CompilerState.create(first, {
      additionalEntryPoints: others.map(({ mainEntryPointFilePath }) => mainEntryPointFilePath),
    });
    for (const config of [first, ...others]) extract(config, state);
    return readReports(join(folder, "reports"));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * @param {ExtractorConfig} config
 * @param {CompilerState} compilerState
 */
function extract(config, compilerState) {
  Extractor.invoke(config, {
    compilerState,
    localBuild: true,
    messageCallback(message) {
      message.handled = true;
      if (message.logLevel === ExtractorLogLevel.Error)
        throw new Error(message.formatMessageWithLocation(root));
    },
  });
}

/**
 * @param {Entry} entry
 * @param {string} scratch
 */
function configOf({ name, folder, types }, scratch) {
  const reportFileName = `${name.replace("@wsession/", "").replaceAll("/", "-")}.api.md`;
  const silent = { default: { logLevel: ExtractorLogLevel.None } };
  return ExtractorConfig.prepare({
    configObjectFullPath: undefined,
    packageJsonFullPath: join(folder, "package.json"),
    configObject: {
      projectFolder: folder,
      mainEntryPointFilePath: join(folder, types),
      newlineKind: "lf",
      compiler: {
        overrideTsconfig: {
          compilerOptions: {
            target: "es2022",
            lib: ["es2023", "es2024.string", "esnext.disposable", "dom"],
            types: ["node"],
            module: "nodenext",
            strict: true,
            skipLibCheck: true,
          },
          files: [join(folder, types)],
        },
      },
      // A type that an exported one uses is public too, whether or not it is exported by name.
      apiReport: {
        enabled: true,
        includeForgottenExports: true,
        reportFileName,
        reportFolder: join(scratch, "reports"),
        reportTempFolder: join(scratch, "temporary"),
      },
      docModel: { enabled: false },
      dtsRollup: { enabled: false },
      tsdocMetadata: { enabled: false },
      messages: {
        // A type that can't be found would change the report of others.
        compilerMessageReporting: { default: { logLevel: ExtractorLogLevel.Error } },
        extractorMessageReporting: silent,
        tsdocMessageReporting: silent,
      },
    },
  });
}

/**
 * The sentences about reports that are not as they are stored.
 *
 * @param {ReadonlyMap<string, string>} current
 * @param {ReadonlyMap<string, string>} stored
 * @returns {string[]}
 */
export function differences(current, stored) {
  const files = [...new Set([...current.keys(), ...stored.keys()])].toSorted();
  return files.flatMap((file) => {
    const [now, before] = [current.get(file), stored.get(file)];
    if (now === before) return [];
    if (now === undefined) return `api/${file} is the report of no entry`;
    if (before === undefined) return `api/${file} is missing`;
    const [added, removed] = [linesOnlyIn(now, before, "+"), linesOnlyIn(before, now, "-")];
    return `api/${file} differs from the built types:\n${[...removed, ...added].slice(0, 20).join("\n")}`;
  });
}

/**
 * The sentences about public declarations without documentation.
 *
 * @param {ReadonlyMap<string, string>} current
 * @returns {string[]}
 */
export function undocumentedIn(current) {
  return [...current].flatMap(([file, text]) => {
    const lines = text.split("\n").map((line) => line.trim());
    return lines.flatMap((line, index) => {
      if (!line.startsWith("//") || !line.endsWith("(undocumented)")) return [];
      const declaration = lines.slice(index).find((further) => !further.startsWith("//"));
      return `api/${file}: no documentation for \`${declaration}\``;
    });
  });
}

/**
 * @param {string} one
 * @param {string} other
 * @param {string} sign
 */
function linesOnlyIn(one, other, sign) {
  const known = new Set(other.split("\n"));
  return one
    .split("\n")
    .filter((line) => !known.has(line))
    .map((line) => `  ${sign} ${line}`);
}

/**
 * @param {string} folder
 * @returns {ReadonlyMap<string, string>}
 */
function readReports(folder) {
  const files = readdirSync(folder).filter((file) => file.endsWith(".api.md"));
  return new Map(files.map((file) => [file, readFileSync(join(folder, file), "utf8")]));
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const current = reportsOf(publishedPackages().flatMap(entriesOf));
  const stored = readReports(reports);
  if (process.argv.includes("--check")) {
    const found = differences(current, stored);
    for (const sentence of found) console.error(sentence);
    if (found.length > 0)
      console.error("If the public types should change: run `npm run api`, and commit api/ with the change.");
    process.exitCode = found.length === 0 ? 0 : 1;
  } else {
    for (const file of stored.keys()) if (!current.has(file)) rmSync(join(reports, file));
    for (const [file, text] of current) writeFileSync(join(reports, file), text);
  }
  const bare = undocumentedIn(current);
  for (const sentence of bare) console.error(sentence);
  if (bare.length > 0) process.exitCode = 1;
}
