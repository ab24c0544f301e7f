import { readFile } from "node:fs/promises";
import { join } from "node:path";

const packages = join(import.meta.dirname, "..", "packages");

/** Reads a source file. The path begins with the folder of the package. */
export function source(file: string): Promise<string> {
  return readFile(join(packages, file), "utf8");
}

/** The members of an interface, as its source lists them. */
export async function membersOf(file: string, type: string): Promise<string[]> {
  const text = await source(file);
  const [, body = ""] = new RegExp(`^export interface ${type}\\b.*?{\n(.*?)^}`, "ms").exec(text) ?? [];
  const members = [...body.matchAll(/^ {2}(?:readonly )?(\w+)\??[:(]/gm)].map(([, name = ""]) => name);
  if (members.length === 0) throw new Error(`${file} has no interface ${type}`);
  return members;
}
