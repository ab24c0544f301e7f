/** What main runs: one process with a map, or several with a Redis. */
export interface Demo {
  /** The page's address. */
  readonly url: string;
  /** What runs, in a line. */
  readonly summary: string;
  /** Closes the sessions, then everything else. Idempotent. */
  close(): Promise<void>;
}

/** How a demo speaks while it runs. */
export interface Voice {
  /** A sentence for the terminal. */
  readonly say: (sentence: string) => void;
  /** It can't go on. */
  readonly fail: (failure: unknown) => void;
}

/** What an error says, and where it came from, in a line. */
export function describeError(error: unknown, stage: string): string {
  return `[${stage}] ${error instanceof Error ? `${error.name}: ${error.message}` : String(error)}`;
}

export function noUws(reason: string): string {
  return `uWebSockets.js could not be loaded (${reason}), so ws runs alone.`;
}
