import { SessionError } from "@wsession/core";
import type {
  CreateResult,
  ResumeResult,
  RotateResult,
  StoredSession,
  TakeOverResult,
  WriteResult,
} from "@wsession/core";
import type { Reply } from "./calls.ts";
import { tooLarge } from "./codec.ts";
import { corrupt, unavailable } from "./failures.ts";
import { type Holder, parseHolders, parseSession } from "./record.ts";

/** What was found where a session was looked for. */
export type Found =
  | { readonly type: "session"; readonly session: StoredSession }
  | { readonly type: "destroyed"; readonly reason: string | undefined }
  | { readonly type: "missing" };

export type TouchReply =
  | { readonly type: "touched" }
  | { readonly type: "missing" }
  /** The subject's index must list the session until that time first, by the server's clock; Infinity for ever. */
  | { readonly type: "index"; readonly subject: string; readonly until: number };

export type RotateReply = RotateResult | { readonly type: "index"; readonly until: number };

export type DestroyReply =
  | { readonly type: "destroyed"; readonly subject: string | undefined; readonly holders: readonly Holder[] }
  | { readonly type: "missing" }
  /** Not there yet, and won't be. */
  | { readonly type: "denied" }
  /** Another subject's, or nobody's. */
  | { readonly type: "other" }
  /** The subject's, by a login that began after the destruction. */
  | { readonly type: "newer" };

const DIGITS = /^\d+$/;

/**
 * Every script's outcomes are told apart here and nowhere else; their words are in the scripts' headers. Parts are taken by
 * index (`{ 0: code }`): by iteration (`[code]`) it is twice the work, and this is on the way of each answer.
 */
function split(reply: Reply): readonly unknown[] {
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

/** An answer that is a version alone; text where the client's `stringNumbers` is set. */
function readVersion(reply: Reply): number | undefined {
  if (typeof reply === "number") return reply;
  return typeof reply === "string" && DIGITS.test(reply) ? Number(reply) : undefined;
}

function unexpected(): Error {
  return unavailable("Redis answered what no script answers", "unknown");
}

/** Whether it refuses what was sent more than once, and so may have been done at an earlier attempt. */
export function isRefusedAgain(reply: Reply): boolean {
  return Array.isArray(reply) && reply[1] === "again";
}

/** Whether there was neither the session nor a tombstone. */
export function isNothingLeft(reply: Reply): boolean {
  return Array.isArray(reply) && reply[0] === "missing";
}

/** The change was sent more than once, and the session may have gone in between: after it, or before. */
function goneSince(): SessionError {
  return new SessionError("SESSION_GONE", "the session was destroyed or has expired", { outcome: "unknown" });
}

export function readCreate(reply: Reply): CreateResult {
  const { 0: code, 1: now, 2: hash } = split(reply);
  switch (code) {
    case "created":
      return { type: "created", session: parseSession(hash, now, "unknown") };
    case "exists":
    case "revoked":
      return { type: code };
    default:
      throw unexpected();
  }
}

export function readLoad(reply: Reply): Found {
  const { 0: code, 1: first, 2: hash } = split(reply);
  switch (code) {
    case "loaded":
      return { type: "session", session: parseSession(hash, first, "not-applied") };
    case "gone":
      return { type: "destroyed", reason: typeof first === "string" ? first : undefined };
    case "missing":
      return { type: "missing" };
    default:
      throw unexpected();
  }
}

export function readResume(reply: Reply): ResumeResult {
  const { 0: code, 1: now, 2: by, 4: hash } = split(reply);
  switch (code) {
    case "resumed":
      if (by !== "current" && by !== "previous" && by !== "renewal" && by !== "none") throw unexpected();
      return { type: code, session: parseSession(hash, now, "unknown"), by };
    case "missing":
    case "wrong":
    case "stolen":
    case "foreign":
      return { type: code };
    default:
      throw unexpected();
  }
}

/** In which epoch of its subject the session that was resumed logged in; `undefined` for one of a release before 0.2. */
export function readLogin(reply: Reply): { readonly epoch: number } | undefined {
  const { 4: hash } = split(reply);
  const fields = asArray(hash).map(String);
  const valueOf = (name: string): string | undefined => {
    const index = fields.findIndex((text, at) => at % 2 === 0 && text === name);
    return index < 0 ? undefined : fields[index + 1];
  };
  return valueOf("u") === undefined ? undefined : { epoch: Number(valueOf("e") ?? 0) };
}

/** From where to where a resume moved the idle deadline, as restore.lua takes it: now, before. */
export function readMove(reply: Reply): readonly [now: string, before: string] | undefined {
  const { 0: code, 3: before, 4: hash } = split(reply);
  if (code !== "resumed" || typeof before !== "string") return undefined;
  const fields = Array.isArray(hash) ? hash.map(String) : [];
  const name = fields.findIndex((text, index) => index % 2 === 0 && text === "m");
  const now = fields[name + 1]?.split(" ").at(5);
  return now === undefined || now === before ? undefined : [now, before];
}

/** `lineage`: of the version that follows from the one that the caller knows. */
export function readWrite(reply: Reply, lineage: number | undefined): WriteResult {
  const version = readVersion(reply);
  if (version !== undefined) return { type: "written", version, lineage, session: undefined };
  const { 0: code, 1: first, 2: second, 3: third } = split(reply);
  switch (code) {
    case "written":
      return { type: "written", version: Number(first), session: parseSession(third, second, "unknown") };
    case "conflict":
      return { type: "conflict", session: parseSession(second, first, "not-applied") };
    case "missing":
    case "gone":
      if (isRefusedAgain(reply)) throw goneSince();
      return { type: "missing" };
    case "fenced":
      return { type: code };
    default:
      throw unexpected();
  }
}

export function readTouch(reply: Reply): TouchReply {
  const { 0: code, 1: subject, 2: until } = split(reply);
  switch (code) {
    case 1:
    case "1":
      return { type: "touched" };
    case "missing":
    case "gone":
      return { type: "missing" };
    case "index":
      return { type: "index", subject: String(subject), until: Number(until) || Number.POSITIVE_INFINITY };
    default:
      throw unexpected();
  }
}

/** `lineage`: as in `readWrite`. */
export function readRotate(reply: Reply, lineage: number | undefined): RotateReply {
  const version = readVersion(reply);
  if (version !== undefined) return { type: "rotated", version, lineage, session: undefined };
  const { 0: code, 1: first, 2: second, 3: third } = split(reply);
  switch (code) {
    case "rotated":
      return { type: "rotated", version: Number(first), session: parseSession(third, second, "unknown") };
    case "index":
      return { type: "index", until: Number(first) || Number.POSITIVE_INFINITY };
    case "missing":
    case "gone":
      if (isRefusedAgain(reply)) throw goneSince();
      return { type: "missing" };
    case "fenced":
    case "foreign":
    case "revoked":
      return { type: code };
    default:
      throw unexpected();
  }
}

export function readTakeOver(reply: Reply): TakeOverResult {
  const { 0: code, 1: fence } = split(reply);
  switch (code) {
    case "taken":
      return { type: code, fence: Number(fence) };
    case "missing":
    case "gone":
      return { type: "missing" };
    default:
      throw unexpected();
  }
}

/** The metadata of the session that is held, or what became of it. */
export function readHold(
  reply: Reply,
): { readonly type: "held"; readonly metadata: unknown } | { readonly type: "gone" } {
  const { 0: code, 1: first } = split(reply);
  switch (code) {
    case "held":
      return { type: "held", metadata: first };
    case "gone":
    case "missing":
      return { type: "gone" };
    default:
      throw unexpected();
  }
}

export function readDestroy(reply: Reply): DestroyReply {
  const { 0: code, 1: subject, 2: holders } = split(reply);
  switch (code) {
    case "destroyed":
      return {
        type: "destroyed",
        subject: typeof subject === "string" ? subject : undefined,
        holders: parseHolders(holders),
      };
    case "missing":
    case "denied":
    case "other":
    case "newer":
      return { type: code };
    default:
      throw unexpected();
  }
}

/** `undefined`: overtaken, gone or forgotten. */
export function readSettle(reply: Reply): "applied" | "not-applied" | undefined {
  const { 0: code } = split(reply);
  switch (code) {
    case "applied":
    case "not-applied":
      return code;
    default:
      return undefined;
  }
}
