import { createHash } from "node:crypto";
import { SCRIPT_TEXTS, type ScriptName } from "./scripts.generated.ts";

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
