/** A store of express-session or @fastify/session, by the parts of it that are used here. */
export interface SessionReaderStore {
  /** Calls back with the session; with `undefined` or `null` if there is none. */
  get(sid: string, callback: (error?: unknown, session?: unknown) => void): unknown;
}

/**
 * Reads a session; `undefined` if the session does not exist. Rejects with the error of the store, because an outage must not look as if
 * nobody was logged in.
 */
export async function readStored(store: SessionReaderStore, sid: string): Promise<object | undefined> {
  const stored = await new Promise<unknown>((resolve, reject) => {
    const answer = (error: unknown, session: unknown): void => {
      if (isFailure(error))
        reject(error instanceof Error ? error : new Error("the store failed", { cause: error }));
      else resolve(session);
    };
    const returned: unknown = store.get(sid, answer);
    if (!isThenable(returned)) return;
    // A store may return a promise of the session in place of calling back. Other stores return a promise of `undefined`, and
    // call back.
    returned.then(
      (session) => {
        if (session !== undefined) resolve(session);
      },
      (error: unknown) => answer(error ?? new Error("the store failed"), undefined),
    );
  });
  return typeof stored === "object" && stored !== null ? stored : undefined;
}

/** As express-session: stores that keep files answer with ENOENT for a session that does not exist. */
function isFailure(error: unknown): boolean {
  return Boolean(error) && Reflect.get(Object(error), "code") !== "ENOENT";
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && "then" in value && typeof value.then === "function";
}
