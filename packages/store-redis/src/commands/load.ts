import type { StoredSession } from "@wsession/core";
import { optionalText } from "../base/optional-text.ts";
import { parseSession } from "../base/record.ts";
import type { Caller } from "./caller.ts";
import { partsOf, unexpected } from "./reply.ts";

/** The result of loading a session. */
export type Found =
  | { readonly type: "session"; readonly session: StoredSession }
  | { readonly type: "destroyed"; readonly reason: string | undefined; readonly replaced?: boolean }
  | { readonly type: "missing" };

/** load.lua: reads a session. */
export async function load({ calls, keys }: Pick<Caller, "calls" | "keys">, id: string): Promise<Found> {
  const { 0: code, 1: first, 2: hash } = partsOf(await calls.script("load", [keys.session(id)], []));
  switch (code) {
    case "loaded":
      return { type: "session", session: parseSession(hash, first, "not-applied") };
    case "gone":
      return {
        type: "destroyed",
        reason: optionalText(first),
        ...(hash === "1" && { replaced: true }),
      };
    case "missing":
      return { type: "missing" };
    default:
      throw unexpected();
  }
}
