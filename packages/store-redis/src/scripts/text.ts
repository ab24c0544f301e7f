import { createHash } from "node:crypto";
import { SCRIPT_TEXTS, type ScriptName } from "./generated.ts";

const digests = new Map<ScriptName, string>();

export function scriptText(name: ScriptName): string {
  return SCRIPT_TEXTS[name];
}

/** The SHA-1 digest by which EVALSHA names the script. */
export function scriptDigest(name: ScriptName): string {
  let digest = digests.get(name);
  if (digest === undefined) {
    digest = createHash("sha1").update(SCRIPT_TEXTS[name]).digest("hex");
    digests.set(name, digest);
  }
  return digest;
}

const announcing = new Map<ScriptName, boolean>();

/**
 * Whether the script may announce to holders, and so takes the hash tag of their sharded channels as its last
 * argument.
 */
export function announces(name: ScriptName): boolean {
  let found = announcing.get(name);
  if (found === undefined) {
    found = SCRIPT_TEXTS[name].includes("local announce_tag = table.remove(ARGV)");
    announcing.set(name, found);
  }
  return found;
}
