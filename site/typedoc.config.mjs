// The reference of every exported name, as Markdown pages in .pages/api.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { ReflectionKind } from "typedoc";
import { repository, root } from "./repository.mjs";

/** The file of each entry point, and the name that a program imports it by. */
const entryPoints = new Map(readdirSync(join(root, "packages")).flatMap(entryPointsOf));

/**
 * @param {string} folder
 * @returns {(readonly [string, string])[]}
 */
function entryPointsOf(folder) {
  const home = join(root, "packages", folder);
  /** @type {{ name: string, exports?: Record<string, string | { types: string }> }} */
  const { name, exports = {} } = JSON.parse(readFileSync(join(home, "package.json"), "utf8"));
  return Object.entries(exports).flatMap(([path, target]) => {
    if (typeof target === "string") return [];
    const source = target.types.replace("/dist/", "/src/").replace(/\.d\.ts$/, ".ts");
    return [[join(home, source), join(name, path)]];
  });
}

/**
 * typedoc names a module by its file. A reader looks for the name that a program imports.
 *
 * @param {import("typedoc").Application} app
 */
function nameModules(app) {
  app.converter.on("resolveBegin", ({ project }) => {
    for (const module of project.getReflectionsByKind(ReflectionKind.Module)) {
      const [source] = module.sources ?? [];
      module.name = entryPoints.get(source?.fullFileName ?? "") ?? module.name;
    }
  });
}

/** @type {Partial<import("typedoc").TypeDocOptions & import("typedoc-plugin-markdown").PluginOptions>} */
export default {
  name: "API",
  entryPoints: [...entryPoints.keys()],
  tsconfig: join(import.meta.dirname, "tsconfig.json"),
  // `npm run typecheck` checks the types, with the compiler of the project.
  skipErrorChecking: true,
  plugin: ["typedoc-plugin-missing-exports", "typedoc-plugin-markdown", nameModules],
  // A type that a signature names has its entry, exported or not.
  placeInternalsInOwningModule: true,
  excludePrivate: true,
  excludeExternals: true,
  readme: "none",
  out: join(import.meta.dirname, ".pages", "api"),
  entryFileName: "index",
  hidePageHeader: true,
  useCodeBlocks: true,
  parametersFormat: "table",
  excludeScopesInPaths: true,
  disableGit: true,
  displayBasePath: root,
  sourceLinkTemplate: `${repository}/blob/main/{path}#L{line}`,
  gitRevision: "main",
  // A link to a name that has no entry, or a signature with such a name, fails the command.
  treatWarningsAsErrors: true,
  logLevel: "Warn",
};
