/** The folder of the new application, and the application's name in package.json. */
import { readdirSync, statSync } from "node:fs";
import { basename, resolve } from "node:path";
import { UsageError } from "./failures.ts";

/** A name without a scope that npm allows for a new package: https://docs.npmjs.com/cli/configuring-npm/package-json#name */
const NAME = /^[a-z0-9][a-z0-9._-]*$/;
const MAX_NAME_LENGTH = 214;
const FORBIDDEN = new Set(["node_modules", "favicon.ico"]);

export interface Target {
  readonly folder: string;
  readonly name: string;
}

/** Throws a UsageError for a name that npm refuses, and for a folder that has files other than Git's own folder. */
export function toTarget(written: string, workingDirectory: string): Target {
  const folder = resolve(workingDirectory, written);
  const name = basename(folder);
  if (!NAME.test(name) || name.length > MAX_NAME_LENGTH || FORBIDDEN.has(name))
    throw new UsageError(
      `"${name}" is not a valid name for a package: use lower-case letters, digits, "-", "." and "_", beginning with a letter or a digit`,
    );
  if (!isEmpty(folder)) throw new UsageError(`${folder} is not empty`);
  return { folder, name };
}

function isEmpty(folder: string): boolean {
  const found = statSync(folder, { throwIfNoEntry: false });
  if (found === undefined) return true;
  if (!found.isDirectory()) throw new UsageError(`${folder} is a file`);
  return readdirSync(folder).every((entry) => entry === ".git");
}
