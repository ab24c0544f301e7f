// Loaded by `node --import`: what a program imports as a package of this project's node_modules is another version of that package.
// WSESSION_REPLACE holds the name of the package and the folder of the other version, in JSON.
import { register } from "node:module";
import { join } from "node:path";
import process from "node:process";
import { pathToFileURL } from "node:url";

const { name, folder } = JSON.parse(process.env["WSESSION_REPLACE"] ?? "{}");
const data = {
  name,
  replaced: `${pathToFileURL(join(import.meta.dirname, "..", "..", "node_modules", name)).href}/`,
  replacement: `${pathToFileURL(folder).href}/`,
};
register("./replace-hooks.mjs", { parentURL: import.meta.url, data });
