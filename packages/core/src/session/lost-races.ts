import { SessionError } from "../base/errors.ts";

/** A change fails with CONFLICT after this many lost races against writers on other processes. */
export const MAX_TRIES = 1_000;
/** Tries without a pause. Later tries pause for a random time, so that the same writers do not conflict again (backoff). */
const EAGER_TRIES = 4;
const MAX_PAUSE_MS = 32;

/** Milliseconds to wait after `tries` lost races; 0 after the first few. */
export function pauseAfter(tries: number): number {
  if (tries < EAGER_TRIES) return 0;
  return Math.random() * Math.min(MAX_PAUSE_MS, 2 ** (tries - EAGER_TRIES + 1));
}

export function conflictError(): SessionError {
  return new SessionError(
    "CONFLICT",
    `the change was not written, because other writers changed the session first in ${MAX_TRIES} attempts`,
    { outcome: "not-applied" },
  );
}
