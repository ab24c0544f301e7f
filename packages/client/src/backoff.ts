import type { ClosedWhy } from "./contract.ts";
import type { Settings } from "./options.ts";

/** Close codes after which another attempt would fail for the same reason. */
const STOPS: Readonly<Partial<Record<number, ClosedWhy>>> = {
  4400: "protocol",
  4401: "login",
  4403: "refused",
  4409: "replaced",
  4410: "login",
  4419: "login",
};
/** A connection that lived for more than this many milliseconds resets the count of failures. */
const STEADY_MS = 5_000;
const RESTART_MS = 1_000;
/** The short connections in a row after which a restart is no reason to come back within RESTART_MS. */
const MAX_RESTARTS = 3;
const LOGIN_MS = 2_000;
const LOGIN_ATTEMPTS = 2;

export interface Backoff {
  /** Called when a connection is live: after hello, or at once if the server does not support v1.wsession. */
  onHello(hasSession: boolean): void;
  /**
   * Called when a connection or an attempt ended. Returns the milliseconds until the next attempt, or the reason to stop. `isLive`:
   * an earlier connection is still live, as while a server hands its clients over.
   */
  next(code: number, isLive: boolean): number | ClosedWhy;
  /**
   * Called before a connection replaces a live one. Returns the longest delay in milliseconds: 0, unless the live connection and its
   * predecessor were short. Otherwise a server that requests a new connection after each hello would get one after the other.
   */
  replace(): number;
}

/**
 * Decides by the close code whether and when to try again. The delays have full jitter, because all clients of a server lose their
 * connections at the same time.
 */
export function createBackoff({ minMs, maxMs }: Settings): Backoff {
  let failures = 0;
  let logins = 0;
  /** NaN without a live connection. */
  let liveSince = Number.NaN;
  let hadSession = false;
  /** Counts a failure. Returns the longest delay after the failure. */
  const fail = (): number => Math.min(maxMs, minMs * 2 ** failures++);
  /** Returns how long the live connection has lived; NaN without one. */
  const lived = (): number => {
    // Also if the clock was set back: a connection that lived must reset the delays.
    const ms = Math.abs(Date.now() - liveSince);
    if (ms >= STEADY_MS) failures = 0;
    return ms;
  };
  return {
    onHello(hasSession) {
      liveSince = Date.now();
      logins = 0;
      hadSession ||= hasSession;
    },
    next(code, isLive) {
      let livedMs = Number.NaN;
      if (!isLive) {
        livedMs = lived();
        liveSince = Number.NaN;
      }
      const why = STOPS[code];
      // While one tab renews the cookie or logs in, the other tabs have an invalid cookie for a moment.
      const mayRecover = code === 4401 && hadSession && logins++ < LOGIN_ATTEMPTS;
      if (why !== undefined && !mayRecover) return why;
      // The server shuts down or restarts: another server takes over, or this server is back soon.
      // Without the limit all clients of a server that ends each connection with such a code would come back twice a second.
      const isRestart = livedMs >= 0 && failures < MAX_RESTARTS && (code === 1001 || code === 1012);
      const backoffMs = fail();
      const longest = mayRecover ? LOGIN_MS : isRestart ? RESTART_MS : backoffMs;
      return Math.random() * longest;
    },
    replace() {
      lived();
      const isFirst = failures === 0;
      const longest = fail();
      return isFirst ? 0 : longest;
    },
  };
}
