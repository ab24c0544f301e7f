import { CloseCode } from "./close-codes.ts";
import { fencedError, revokedError, SessionError } from "./errors.ts";

/** The end of a session, or the refusal of a session to a handshake, as the close code and the reason of the connections. */
export interface Ending {
  readonly code: number;
  readonly reason: string;
}

export const REPLACED: Ending = { code: CloseCode.Replaced, reason: "replaced by a newer connection" };
export const REPLACED_BY_LOGIN: Ending = {
  code: CloseCode.Replaced,
  reason: "too many sessions of one subject",
};
export const TOO_MANY_SESSIONS: Ending = {
  code: CloseCode.Refused,
  reason: "too many sessions of one subject",
};
export const GONE: Ending = { code: CloseCode.Destroyed, reason: "session gone" };
export const TOO_MANY_CONNECTIONS: Ending = {
  code: CloseCode.Replaced,
  reason: "too many connections of one session",
};
export const EXPIRED: Ending = { code: CloseCode.Expired, reason: "session expired" };
export const REVOKED: Ending = { code: CloseCode.Destroyed, reason: "sessions revoked" };

export function destroyedEnding(reason = "session destroyed"): Ending {
  return { code: CloseCode.Destroyed, reason };
}

/** The ending of a session that a store reports as destroyed. */
export function endingOf(event: {
  readonly reason: string | undefined;
  readonly replaced?: boolean | undefined;
}): Ending {
  return event.replaced === true ? REPLACED_BY_LOGIN : destroyedEnding(event.reason);
}

/** The error for a decision without a connection that a destruction, a takeover or the shutdown overtook. */
export function errorOf({ code, reason }: Ending): SessionError {
  if (code === CloseCode.Destroyed) return revokedError();
  if (code === CloseCode.Replaced) return fencedError();
  return new SessionError("SHUTTING_DOWN", reason, { outcome: "not-applied" });
}
