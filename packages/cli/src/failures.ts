/** The exit codes: 0 fine, 1 a finding or a failure, 2 wrong usage, 130 interrupted. */
export const EXIT = { fine: 0, failed: 1, usage: 2, interrupted: 130 } as const;

/** The arguments are wrong. The message MUST NOT contain an argument that may be a secret. */
export class UsageError extends Error {}

/** How many errors are read along `cause`: an error may be its own cause, and a chain may be long. */
const MAX_CAUSES = 8;

/** Returns the messages of an error and its causes, in one line. */
export function explain(error: unknown): string {
  const parts: string[] = [];
  let cause = error;
  for (let depth = 0; depth < MAX_CAUSES && cause instanceof Error; depth += 1) {
    const { message } = cause;
    // An error of the store ends with the message of its cause already.
    if (!parts.some((part) => part.endsWith(message))) parts.push(message);
    cause = cause.cause;
  }
  return parts.length === 0 ? textOf(error) : parts.join(": ");
}

function textOf(value: unknown): string {
  try {
    return String(value);
  } catch {
    // An object without a method toString.
    return "an error that can't be shown";
  }
}
