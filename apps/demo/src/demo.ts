/** A running demo: one process with a map, or several processes with a Redis. */
export interface Demo {
  /** The page's address. */
  readonly url: string;
  /** One line with the servers that run. */
  readonly summary: string;
  /** Closes the sessions, then everything else. Idempotent. */
  close(): Promise<void>;
}

/** The output of a running demo. */
export interface Voice {
  /** Prints a sentence on the terminal. */
  readonly say: (sentence: string) => void;
  /** Called when the demo can't continue. */
  readonly fail: (failure: unknown) => void;
}

/** Returns an error's message and its place in the code, in one line. */
export function describeError(error: unknown, stage: string): string {
  return `[${stage}] ${error instanceof Error ? `${error.name}: ${error.message}` : String(error)}`;
}

export function noUws(reason: string): string {
  return `uWebSockets.js could not be loaded (${reason}), so ws runs alone.`;
}
