/** A store of express-session or @fastify/session, by the parts of it that are used here. */
export interface SessionReaderStore {
  get(sid: string, callback: (error?: unknown, session?: unknown) => void): unknown;
}

/**
 * Reads a session; `undefined` for one that does not exist. The store decides what has expired, as with express-session: most stores
 * do not write `cookie.expires` again when a session is touched. Rejects with the error of the store, because an outage must not
 * look like nobody is logged in.
 */
export async function readStored(store: SessionReaderStore, sid: string): Promise<object | undefined> {
  const stored = await new Promise<unknown>((resolve, reject) => {
    store.get(sid, (error, session) => {
      // Stores that keep files answer with ENOENT for a session that does not exist.
      if (error !== undefined && error !== null && Reflect.get(Object(error), "code") !== "ENOENT")
        reject(error instanceof Error ? error : new Error("the store failed", { cause: error }));
      else resolve(session);
    });
  });
  return typeof stored === "object" && stored !== null ? stored : undefined;
}
