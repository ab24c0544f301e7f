import type { StoredSession } from "@wsession/core";
import { parseSession } from "../base/record.ts";
import type { Caller } from "./caller.ts";
import { type Missing, missing, partsOf, unexpected } from "./reply.ts";

/** The result of loading a session. */
export type Found = { readonly type: "session"; readonly session: StoredSession } | Missing;

/** load.lua: reads a session. */
export async function load({ calls, keys }: Pick<Caller, "calls" | "keys">, id: string): Promise<Found> {
  const parts = partsOf(await calls.script("load", [keys.session(id)], []));
  const { 0: code, 1: first, 2: hash } = parts;
  switch (code) {
    case "loaded":
      return { type: "session", session: parseSession(hash, first, "not-applied") };
    case "gone":
    case "missing":
      return missing(parts, 1);
    default:
      throw unexpected();
  }
}
