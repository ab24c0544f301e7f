import { createHash } from "node:crypto";
import { SCRIPT_TEXTS, type ScriptName } from "./generated.ts";

const digests = new Map<ScriptName, string>();

export function scriptText(name: ScriptName): string {
  return SCRIPT_TEXTS[name];
}

/** SHA-1 of the script: what EVALSHA names it by. */
export function scriptDigest(name: ScriptName): string {
  let digest = digests.get(name);
  if (digest === undefined) {
    digest = createHash("sha1").update(SCRIPT_TEXTS[name]).digest("hex");
    digests.set(name, digest);
  }
  return digest;
}

const announcing = new Map<ScriptName, boolean>();

/** Whether the script may tell the holders of its session, and so takes one more argument at its end: through which channels. */
export function announces(name: ScriptName): boolean {
  let found = announcing.get(name);
  if (found === undefined) {
    found = SCRIPT_TEXTS[name].includes("local announce_tag = table.remove(ARGV)");
    announcing.set(name, found);
  }
  return found;
}
