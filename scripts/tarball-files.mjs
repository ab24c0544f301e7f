// What a tarball may contain, and what each manifest must say.

/** @import { Manifest } from "./packages.mjs" */

const REPOSITORY = "https://github.com/wsession/wsession";
const REQUIRED = ["LICENSE", "README.md", "package.json"];
/** A shipped licence. A dependency with another licence needs a decision, and a row in docs/dependencies.md. */
export const LICENCES = new Set(["MIT", "ISC", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "0BSD"]);

/** Each kind of a file that users need. Sources are for debuggers, which the source maps lead there. */
const ALLOWED = [
  /^dist\/.+\.(?:js|d\.ts)(?:\.map)?$/,
  /^src\/.+\.(?:ts|lua)$/,
  /^vectors\/.+\.json$/,
  /^templates\//,
  /^grafana\/(?:dashboard\.json|alerts\.yml)$/,
];
const DEVELOPMENT = /(?:^|[/.-])(?:test|tests|spec|bench|scratch|fixtures?|tsbuildinfo|turbo)(?:[/.-]|$)/;

/**
 * What is wrong with the paths of a tarball. A file in dist without a source is left from an older build.
 *
 * @param {readonly string[]} paths
 * @returns {string[]}
 */
export function checkPaths(paths) {
  const all = new Set(paths);
  const missing = REQUIRED.filter((path) => !all.has(path)).map((path) => `${path} is missing`);
  const others = paths.filter((path) => !REQUIRED.includes(path));
  const unexpected = others
    .filter(
      (path) =>
        !ALLOWED.some((kind) => kind.test(path)) ||
        (DEVELOPMENT.test(path) && !path.startsWith("templates/")),
    )
    .map((path) => `${path} is not for users`);
  const stale = others
    .filter((path) => path.startsWith("dist/") && !all.has(sourceOf(path)))
    .map((path) => `${path} has no source any more: npm run build removes it`);
  return [...missing, ...unexpected, ...stale];
}

/**
 * The source of a compiled file. Another file has its own path in `src`.
 *
 * @param {string} path
 * @returns {string}
 */
export function sourceOf(path) {
  return path.replace(/^dist\//, "src/").replace(/(?:\.d\.ts|\.js)(?:\.map)?$/, ".ts");
}

/**
 * What is wrong with a manifest: npm's provenance statement needs the repository, and refuses another one.
 *
 * @param {string} folder the name of the folder in packages
 * @param {Record<string, unknown>} manifest
 * @returns {string[]}
 */
export function checkManifest(folder, manifest) {
  const directory = `packages/${folder}`;
  const expected = {
    license: "MIT",
    homepage: `${REPOSITORY}/tree/main/${directory}#readme`,
    bugs: `${REPOSITORY}/issues`,
    repository: { type: "git", url: `git+${REPOSITORY}.git`, directory },
    publishConfig: { access: "public" },
  };
  return Object.entries(expected)
    .filter(([key, value]) => JSON.stringify(manifest[key]) !== JSON.stringify(value))
    .map(([key, value]) => `"${key}" of ${directory}/package.json is not ${JSON.stringify(value)}`);
}

/**
 * What is wrong with the licences of the packages that come with an installation.
 *
 * @param {Manifest} manifest
 * @param {Iterable<readonly [name: string, licence: string | undefined]>} installed
 * @returns {string[]}
 */
export function checkLicences({ name }, installed) {
  return [...installed].flatMap(([each, licence]) => {
    if (licence !== undefined && LICENCES.has(licence)) return [];
    return `${name} brings ${each}, whose licence is ${licence ?? "unknown"}`;
  });
}

/**
 * What is wrong with the versions: all packages have one, and depend on each other by it.
 *
 * @param {readonly Manifest[]} manifests
 * @returns {string[]}
 */
export function checkVersions(manifests) {
  const [{ version } = { version: "" }] = manifests;
  return manifests.flatMap((manifest) => {
    const wrong = Object.entries({ ...manifest.dependencies, ...manifest.peerDependencies })
      .filter(([name, range]) => name.startsWith("@wsession/") && range !== `^${version}`)
      .map(([name, range]) => `${manifest.name} wants ${name} ${range}, not ^${version}`);
    if (manifest.version === version) return wrong;
    return [`${manifest.name} has version ${manifest.version}, and other packages have ${version}`, ...wrong];
  });
}
