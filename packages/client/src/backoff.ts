import type { ClosedWhy } from "./contract.ts";
import type { Settings } from "./options.ts";

/** Codes after which another attempt would end as this one did. */
const STOPS: Readonly<Partial<Record<number, ClosedWhy>>> = {
  4400: "protocol",
  4401: "login",
  4403: "refused",
  4409: "replaced",
  4410: "login",
  4419: "login",
};
/** A connection that lived so long was no failure. */
const STEADY_MS = 5_000;
const RESTART_MS = 1_000;
const LOGIN_MS = 2_000;
const LOGIN_ATTEMPTS = 2;

export interface Backoff {
  greeted(hasSession: boolean): void;
  /** What follows a connection, or an attempt, that ended: milliseconds until the next one, or why there is none. */
  next(code: number): number | ClosedWhy;
}

/** The close codes as code: when to try again, with full jitter, since a thousand clients lost one server at a time. */
export function createBackoff({ minMs, maxMs }: Settings): Backoff {
  let failures = 0;
  let logins = 0;
  let greetedAt: number | undefined;
  let hadSession = false;
  return {
    greeted(hasSession) {
      greetedAt = Date.now();
      logins = 0;
      hadSession ||= hasSession;
    },
    next(code) {
      const wasGreeted = greetedAt !== undefined;
      if (Date.now() - (greetedAt ?? Infinity) >= STEADY_MS) failures = 0;
      greetedAt = undefined;
      const why = STOPS[code];
      // A tab that renewed the cookie, or logs in just now, leaves the others with a dead one for a moment.
      const mayRecover = code === 4401 && hadSession && logins++ < LOGIN_ATTEMPTS;
      if (why !== undefined && !mayRecover) return why;
      // Going away, or restarting: another server takes over, or this one is back soon.
      const isRestart = wasGreeted && (code === 1001 || code === 1012);
      const longest = mayRecover
        ? LOGIN_MS
        : isRestart
          ? RESTART_MS
          : Math.min(maxMs, minMs * 2 ** failures++);
      return Math.random() * longest;
    },
  };
}
