// What the replies of scripts have in common; each script's outcomes are told apart beside its command.
import { SessionError } from "@wsession/core";
import type { Reply } from "../connection/calls.ts";
import { tooLarge } from "../base/codec.ts";
import { corrupt, unavailable } from "../base/failures.ts";

const DIGITS = /^\d+$/;

/** The session is not there. */
export interface Missing {
  readonly type: "missing";
  /** There is no tombstone either: the session expired, or the store lost it. */
  readonly leftNothing: boolean;
  /** The script was sent more than once, and an earlier attempt may have found the session. */
  readonly isRepeat: boolean;
}

export function missing(code: unknown, attempts: number): Missing {
  return { type: "missing", leftNothing: code === "missing", isRepeat: attempts > 1 };
}

/**
 * A reply's parts, the outcome first; throws what every script may answer. Parts are taken by index (`{ 0: code }`): by iteration
 * (`[code]`) it is twice the work, and this is on the way of each answer.
 */
export function partsOf(reply: Reply): readonly unknown[] {
  const parts: readonly unknown[] = Array.isArray(reply) ? reply : [reply];
  const code = parts[0];
  if (code === "corrupt") throw corrupt();
  if (code === "large") throw tooLarge(Number(parts[1]));
  // A later command of this process was applied before: which it was can be asked, but not answered here.
  if (code === "settled") throw unavailable("the write was overtaken by a later one", "unknown");
  return parts;
}

export function asArray(reply: Reply): readonly unknown[] {
  return Array.isArray(reply) ? reply : [];
}

export function texts(values: readonly unknown[]): string[] {
  return values.filter((value) => typeof value === "string");
}

/** A reply that is a version alone; text where the client's `stringNumbers` is set. */
export function asVersion(reply: Reply): number | undefined {
  if (typeof reply === "number") return reply;
  return typeof reply === "string" && DIGITS.test(reply) ? Number(reply) : undefined;
}

export function unexpected(): Error {
  return unavailable("Redis answered what no script answers", "unknown");
}

/** The change was sent more than once, and the session may have gone in between: after it, or before. */
export function goneSince(): SessionError {
  return new SessionError("SESSION_GONE", "the session was destroyed or has expired", { outcome: "unknown" });
}
