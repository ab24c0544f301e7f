// The types of Bun, as far as the example needs them.
interface BunServer {
  readonly port: number;
  stop(): Promise<void>;
}

declare const Bun: { serve(options: object): BunServer };

// #region readme
import { bindSessions } from "@wsession/adapter-bun";
import { createSessions, mapStore } from "@wsession/core";

const sessions = createSessions({ store: mapStore(), initial: () => ({ visits: 0 }) });

const { fetch, websocket } = bindSessions(sessions, {
  async message(conn, text) {
    const { visits } = await conn.session.update((s) => ({ ...s, visits: s.visits + 1 }));
    conn.send(`visit ${visits}: ${text}`);
  },
});
Bun.serve({ port: 8080, fetch, websocket });
// #endregion

export function besideRoutes(): BunServer {
  // #region routes
  const server = Bun.serve({ routes: { "/chat": fetch, "/": () => new Response("hello") }, websocket });
  // #endregion
  return server;
}
