/** The failures that a user can fix, with the exit code of the process. */

export const EXIT = { usage: 2, failure: 1, interrupted: 130 } as const;

/** The arguments are wrong, or the folder can't have a new application. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** The input ended before the last answer. */
export class InterruptedError extends Error {
  override readonly name = "InterruptedError";
}
