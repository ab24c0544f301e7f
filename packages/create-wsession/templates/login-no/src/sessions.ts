/** What a session holds: each browser gets one, by a cookie, at its first connection. */
import { createSessions } from "@wsession/core";
import { cookie, origins } from "./config.ts";
import type { Store } from "./store.ts";

export function createAppSessions(store: Store) {
  return createSessions({
    store,
    token: cookie,
    origins,
    idleMs: 24 * 3_600_000,
    initial: () => ({ clicks: 0 }),
  });
}

export type AppSessions = ReturnType<typeof createAppSessions>;
