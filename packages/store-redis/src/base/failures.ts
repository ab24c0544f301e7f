/** Errors of Redis and of its client libraries, as errors of the store. */
import { type Outcome, SessionError } from "@wsession/core";
import { isRefusedPromise } from "@wsession/core/runtime";

/** Error replies that mean the command did not run, or that the script failed before its first write. */
const REFUSED: ReadonlySet<string> = new Set([
  "ASK",
  "BUSY",
  "CLUSTERDOWN",
  "CROSSSLOT",
  "DENIED",
  "LOADING",
  "MASTERDOWN",
  "MISCONF",
  "MOVED",
  "NOAUTH",
  "NOPERM",
  "NOREPLICAS",
  "NOSCRIPT",
  "OOM",
  "READONLY",
  "TRYAGAIN",
  "WRONGPASS",
]);

export function unavailable(message: string, outcome: Outcome, cause?: unknown): SessionError {
  return new SessionError(
    "STORE_UNAVAILABLE",
    message,
    cause === undefined ? { outcome } : { outcome, cause },
  );
}

/**
 * As `unavailable`, with outcome `not-applied`, for a call that could not be sent. The message contains the reason too, because a
 * warning of the process, and many logs, contain only the message. `reason` comes from `reasonOf`, so it has no secret.
 */
export function notReached(what: string, reason: Error | undefined): SessionError {
  const message = reason === undefined ? what : `${what}: ${reason.message}`;
  return unavailable(message, "not-applied", reason);
}

const OVERTAKEN = "the write was overtaken by a later one";

/**
 * A later change of this process has been applied, so the record of this one is gone. Pass `not-applied` if this change was sent
 * once only.
 */
export function overtaken(outcome: Outcome): SessionError {
  return unavailable(OVERTAKEN, outcome);
}

/** Whether a change was overtaken, and certainly not applied. */
export function wasOvertaken(error: unknown): boolean {
  return error instanceof SessionError && error.message === OVERTAKEN && error.outcome === "not-applied";
}

/** An unreadable record. Pass `unknown` when the change was applied but its reply cannot be read. */
export function corrupt(outcome: Outcome = "not-applied"): SessionError {
  return new SessionError("CORRUPT_RECORD", "the record of this session in Redis can't be read", { outcome });
}

/**
 * Awaits a step that precedes a change. If the step fails, the change itself was never sent, so the outcome is
 * `not-applied`, even if the outcome of the step is unknown.
 */
export async function awaitBeforeChange<Result>(step: Promise<Result>): Promise<Result> {
  try {
    return await step;
  } catch (error) {
    const failure = asStoreFailure(error);
    throw failure.outcome === "unknown"
      ? unavailable(failure.message, "not-applied", failure.cause)
      : failure;
  }
}

export function isNoScript(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith("NOSCRIPT");
}

/**
 * Temporary refusals: they end by themselves or after a failover, so the call is tried again until its
 * deadline.
 */
const TEMPORARY: ReadonlySet<string> = new Set([
  "CLUSTERDOWN",
  "LOADING",
  "MASTERDOWN",
  "NOREPLICAS",
  "READONLY",
  "TRYAGAIN",
]);

export function isTemporaryRefusal(error: unknown): boolean {
  const word = error instanceof Error ? replyWord(error) : undefined;
  return word !== undefined && TEMPORARY.has(word);
}

/** Whether the server refused a write because it is a replica. */
export function isReadonly(error: unknown): boolean {
  return error instanceof Error && replyWord(error) === "READONLY";
}

/** Whether this is a refusal by the ACL, or has one as its cause. */
export function isForbidden(error: unknown): boolean {
  return error instanceof Error && (error.message.startsWith("NOPERM") || isForbidden(error.cause));
}

/** Whether there is no reply because the connection was missing or lost. */
export function isConnectionLost(error: unknown): boolean {
  return error instanceof Error && !(error instanceof SessionError) && error.name !== "ReplyError";
}

/**
 * Converts an error of ioredis into a SessionError. ioredis attaches the command and its arguments (data,
 * digests) to its errors, so only the message is kept.
 */
export function asStoreFailure(error: unknown): SessionError {
  if (error instanceof SessionError) return error;
  if (!(error instanceof Error)) return unavailable("the Redis client failed", "unknown");
  const cause = reasonOf(error);
  const word = replyWord(error);
  if (word === "WRONGTYPE") return corrupt();
  if (word !== undefined && REFUSED.has(word))
    return unavailable(`Redis refused the command with the error ${word}`, "not-applied", cause);
  return unavailable("the command failed before Redis answered", "unknown", cause);
}

/** The text that Redis adds to the refusal of an unknown command. A server without HELLO, such as Redis 5, quotes the password in it. */
const QUOTED_ARGUMENTS = /, with args beginning with:.*$/s;

/**
 * Copies the message of an error without its other properties, because ioredis attaches the command and its
 * arguments, which may include a password.
 */
export function reasonOf(error: unknown): Error {
  const message = error instanceof Error ? error.message : String(error);
  return new Error(message.replace(QUOTED_ARGUMENTS, ""));
}

/**
 * Returns the first word of an error reply. Redis before 7 wraps the error of a command inside a script, so
 * the wrapper is skipped.
 */
export function replyWord(error: Error): string | undefined {
  if (error.name !== "ReplyError") return undefined;
  return /^(?:ERR Error running script.*?: -?)?([A-Z]+)\b/.exec(error.message)?.[1];
}

/** Calls the application's error handler. It may throw or reject, and an unhandled rejection would end the process (I12). */
export function ignoreErrors(call: () => unknown): void {
  try {
    // Catches the rejection of a promise.
    isRefusedPromise(call());
  } catch {
    // The error handler itself threw, and there is no further place to report to.
  }
}
