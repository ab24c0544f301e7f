import { assertString, shown } from "./arguments.ts";
import { invalidArgument } from "./errors.ts";

/**
 * Close codes by name: RFC 6455 section 7.4.1, and HTTP status + 4000 (section 7.4.2, private use). `GoingAway`
 * is for applications: this library sends the code only if the application passes it to `close`.
 */
export const CloseCode = {
  /** For applications: the server or the page goes away. Not sent by the library itself. */
  GoingAway: 1001,
  /** A handler threw, or its promise rejected. */
  HandlerFailed: 1011,
  /** The server closes: `sessions.close()`, or `close()` of a binding. */
  Restarting: 1012,
  /** More messages waited than `inbox` allows. */
  InboxFull: 1013,
  /** A client of `v1.wsession` broke the protocol. The reason names the rule. */
  ProtocolError: 4400,
  /**
   * The client needs a session, and its handshake was refused: for a client of `v1.wsession` with the status 401, for any client by
   * `onBadToken: "close"` or `onNoToken: "close"`.
   */
  SessionNeeded: 4401,
  /**
   * The handshake of a client of `v1.wsession` was refused with a status below 500 other than 401. Or the subject has as many
   * sessions as `maxSessionsPerSubject` allows.
   */
  Refused: 4403,
  /** The session was not set within `early.timeoutMs`. */
  SessionTimeout: 4408,
  /**
   * A newer connection took the session or its subject over (`exclusive`), the session has more connections than
   * `maxConnectionsPerSession`, or newer logins ended the session (`maxSessionsPerSubject`).
   */
  Replaced: 4409,
  /** The session was destroyed. */
  Destroyed: 4410,
  /**
   * More messages waited than `early` allows: before the session was set, or before `open` had settled for a newcomer without
   * a subject.
   */
  EarlyLimit: 4413,
  /** The session expired. */
  Expired: 4419,
  /** The store could not be reached: a handler that waited for the store did not catch the error, or a takeover failed. */
  StoreUnavailable: 4503,
} as const;

/** The code of a socket that ended without a close frame (RFC 6455 section 7.1.5). It is never sent. */
export const UNCLEAN = 1006;

/** The longest close reason, in bytes of UTF-8: a control frame has at most 125 (RFC 6455 section 5.5), and two are the code. */
export const MAX_REASON_BYTES = 123;

const encoder = new TextEncoder();

/** Throws INVALID_ARGUMENT unless an endpoint may send `code` (RFC 6455 section 7.4) with `reason`. */
export function assertClose(code: unknown, reason: unknown): void {
  if (!isSendable(code))
    throw invalidArgument(
      `the close code must be one of 1000 to 1003, 1007 to 1014 or 3000 to 4999, not ${shown(code)}`,
    );
  assertString("a close reason", reason);
  if (encoder.encode(reason).length > MAX_REASON_BYTES)
    throw invalidArgument(`the close reason must have at most ${MAX_REASON_BYTES} bytes of UTF-8`);
}

/**
 * Whether `code` shows that the peer left on purpose: 1000, 1001 (a page that goes away), or 1005. 1005 stands for a close frame
 * without a code, which `socket.close()` in a page sends.
 */
export function isCleanLeave(code: number): boolean {
  return code === 1000 || code === CloseCode.GoingAway || code === 1005;
}

function isSendable(code: unknown): boolean {
  if (typeof code !== "number" || !Number.isInteger(code)) return false;
  const isRegistered = code >= 1000 && code <= 1014 && code !== 1004 && code !== 1005 && code !== 1006;
  return isRegistered || (code >= 3000 && code <= 4999);
}

/** `reason`, truncated to the size of a close frame at the boundary of a character. */
export function clipReason(reason: string): string {
  let bytes = 0;
  let end = 0;
  for (const character of reason) {
    bytes += encoder.encode(character).length;
    if (bytes > MAX_REASON_BYTES) return reason.slice(0, end);
    end += character.length;
  }
  return reason;
}
