/** The folder of the new application, and the name that npm's manifest has of it. */
import { readdirSync, statSync } from "node:fs";
import { basename, resolve } from "node:path";
import { UsageError } from "./failures.ts";

/** As npm allows for a new package, without a scope: https://docs.npmjs.com/cli/configuring-npm/package-json#name */
const NAME = /^[a-z0-9][a-z0-9._-]*$/;
const MAX_NAME_LENGTH = 214;
const FORBIDDEN = new Set(["node_modules", "favicon.ico"]);

export interface Target {
  readonly folder: string;
  readonly name: string;
}

/** Throws a UsageError for a name that npm refuses, and for a folder that has files. Git's own folder does not count. */
export function toTarget(written: string, workingDirectory: string): Target {
  const folder = resolve(workingDirectory, written);
  const name = basename(folder);
  if (!NAME.test(name) || name.length > MAX_NAME_LENGTH || FORBIDDEN.has(name))
    throw new UsageError(
      `"${name}" is no name for a package: use lower-case letters, digits, "-", "." and "_", beginning with a letter or a digit`,
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
