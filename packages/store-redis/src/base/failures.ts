import { type Outcome, SessionError } from "@wsession/core";

/** Replies by which Redis says that it did not run the command, or that the script did not get to its first write. */
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

/** `unknown`: what was asked for is done, but its answer can't be read. */
export function corrupt(outcome: Outcome = "not-applied"): SessionError {
  return new SessionError("CORRUPT_RECORD", "what Redis holds of this session can't be read", { outcome });
}

/** For what comes before a change: whatever became of it, the change itself was never sent. */
export async function beforehand<Result>(step: Promise<Result>): Promise<Result> {
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

/** Refusals that end by themselves, or with another server: a caller that has time left tries again. */
const FOR_NOW: ReadonlySet<string> = new Set(["CLUSTERDOWN", "LOADING", "MASTERDOWN", "READONLY"]);

export function isRefusedForNow(error: unknown): boolean {
  const word = error instanceof Error ? replyWord(error) : undefined;
  return word !== undefined && FOR_NOW.has(word);
}

/** Whether the server says that it is a replica. */
export function isReplica(error: unknown): boolean {
  return error instanceof Error && replyWord(error) === "READONLY";
}

/** Whether there is no answer because there was no connection, or none any more. */
export function isLost(error: unknown): boolean {
  return error instanceof Error && !(error instanceof SessionError) && error.name !== "ReplyError";
}

/**
 * What the client rejected with, as a SessionError. The client's own error names the command with its arguments, data and
 * digests among them, so only its message goes on.
 */
export function asStoreFailure(error: unknown): SessionError {
  if (error instanceof SessionError) return error;
  if (!(error instanceof Error)) return unavailable("the Redis client failed", "unknown");
  const cause = reasonOf(error);
  const word = replyWord(error);
  if (word === "WRONGTYPE") return corrupt();
  if (word !== undefined && REFUSED.has(word))
    return unavailable(`Redis refused: ${word}`, "not-applied", cause);
  return unavailable("Redis could not be asked", "unknown", cause);
}

/** What went wrong, without what the client's own error names: the command and its arguments, a password among them. */
export function reasonOf(error: unknown): Error {
  return new Error(error instanceof Error ? error.message : String(error));
}

/** The first word of an error reply; Redis before 7 wraps that of a command in a script. */
export function replyWord(error: Error): string | undefined {
  if (error.name !== "ReplyError") return undefined;
  return /^(?:ERR Error running script.*?: -?)?([A-Z]+)\b/.exec(error.message)?.[1];
}
