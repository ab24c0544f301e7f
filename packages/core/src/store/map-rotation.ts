import type { RotateRequest } from "./contract.ts";
import { currentDigest, extraOf, isFenced, isOwnedByAnother, monotonicNow, peekExtra } from "./map-entry.ts";
import type { Entry } from "./map-entry.ts";

/** Why a session's token is not replaced; `undefined` if it may be. */
export function rotationRefusal(entry: Entry, request: RotateRequest): "fenced" | "foreign" | undefined {
  if (isFenced(entry, request.fence)) return "fenced";
  if (isOwnedByAnother(peekExtra(entry)?.subject, request)) return "foreign";
  const { replaces } = request;
  return replaces !== undefined && replaces !== currentDigest(entry) ? "foreign" : undefined;
}

/** Replaces a session's token, and sets the subject. Returns whether the session had another subject. */
export function replaceToken(entry: Entry, request: RotateRequest): boolean {
  const now = monotonicNow();
  const extra = extraOf(entry);
  extra.previous =
    extra.digest === undefined ? undefined : { digest: extra.digest, until: now + request.graceMs };
  extra.renewal = { digest: request.renewalDigest, until: now + request.renewalMs };
  extra.digest = request.digest;
  if (request.subject === undefined) return false;
  const hadOther = extra.subject !== undefined && extra.subject !== request.subject;
  extra.subject = request.subject;
  entry.version += 1;
  return hadOther;
}
