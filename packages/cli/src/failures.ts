/** The exit codes: 0 fine, 1 a finding or a failure, 2 wrong usage, 130 interrupted. */
export const EXIT = { fine: 0, failed: 1, usage: 2, interrupted: 130 } as const;

/** The arguments are wrong. The message MUST NOT contain an argument that may be a secret. */
export class UsageError extends Error {}

/** Returns the messages of an error and its causes, in one line. */
export function explain(error: unknown): string {
  const parts: string[] = [];
  for (let cause = error; cause instanceof Error; cause = cause.cause)
    if (!parts.includes(cause.message)) parts.push(cause.message);
  return parts.length === 0 ? String(error) : parts.join(": ");
}
