// Parsing that is common to the replies of all scripts. The outcomes of each script are parsed in the file of its command.
import { SessionError } from "@wsession/core";
import type { Reply } from "../connection/calls.ts";
import { tooLarge } from "../base/codec.ts";
import { optionalText } from "../base/optional-text.ts";
import { corrupt, overtaken, unavailable } from "../base/failures.ts";

const DIGITS = /^\d+$/;

/** How a session was destroyed. */
export interface Destroyed {
  readonly reason: string | undefined;
  /** A newer login of the subject ended the session. */
  readonly replaced?: boolean;
}

/** The session does not exist. */
export interface Missing {
  readonly type: "missing";
  /** From the session's tombstone. `undefined`: there is no tombstone, so the session expired or the store lost it. */
  readonly destroyed: Destroyed | undefined;
  /** The script was sent more than once, and an earlier attempt may have found the session. */
  readonly isRepeat: boolean;
}

/** Parses the answer of no_session in prelude.lua, and "missing" for a session past a deadline. */
export function missing({ 0: code, 1: reason, 2: replaced }: readonly unknown[], attempts: number): Missing {
  const destroyed =
    code === "gone"
      ? { reason: optionalText(reason), ...(replaced === "1" && { replaced: true }) }
      : undefined;
  return { type: "missing", destroyed, isRepeat: attempts > 1 };
}

/**
 * Returns a reply's parts, the outcome first. Throws the errors that any script may return. Read the parts by
 * index (`{ 0: code }`): iterating (`[code]`) takes twice as long, and this runs for every reply.
 */
export function partsOf(reply: Reply): readonly unknown[] {
  const parts: readonly unknown[] = Array.isArray(reply) ? reply : [reply];
  const code = parts[0];
  if (code === "corrupt") throw corrupt();
  if (code === "large") throw tooLarge(Number(parts[1]));
  if (code === "overtaken") throw overtaken("unknown");
  return parts;
}

export function asArray(reply: Reply): readonly unknown[] {
  return Array.isArray(reply) ? reply : [];
}

export function texts(values: readonly unknown[]): string[] {
  return values.filter((value) => typeof value === "string");
}

/** Parses a reply that is only a version. It is text if the client's `stringNumbers` option is set. */
export function asVersion(reply: Reply): number | undefined {
  if (typeof reply === "number") return reply;
  return typeof reply === "string" && DIGITS.test(reply) ? Number(reply) : undefined;
}

export function unexpected(): Error {
  return unavailable("Redis sent a reply that no script of this store returns", "unknown");
}

/** The error of a change that was sent more than once, if the session ended between the attempts, before or after the change. */
export function goneSince(): SessionError {
  return new SessionError("SESSION_GONE", "the session was destroyed or has expired", { outcome: "unknown" });
}

/** A field of a hash, from the fields and values that HGETALL returned. */
export function valueOf(fields: readonly unknown[], name: string): unknown {
  for (let index = 0; index + 1 < fields.length; index += 2)
    if (fields[index] === name) return fields[index + 1];
  return undefined;
}
