/** What a session holds: the login creates it, and sets its cookie. */
import { createSessions } from "@wsession/core";
import { cookie, origins } from "./config.ts";
import type { Store } from "./store.ts";

export interface AppData {
  readonly user: string;
  readonly clicks: number;
}

export function createAppSessions(store: Store) {
  return createSessions<AppData>({
    store,
    token: cookie,
    origins,
    // Without a login no connection: the page gets the close code 4401.
    onNoToken: "close",
    absoluteMs: 12 * 3_600_000,
  });
}

export type AppSessions = ReturnType<typeof createAppSessions>;
