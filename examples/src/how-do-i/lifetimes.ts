import { bindSessions } from "@wsession/adapter-ws";
import { accept, createSessions, mapStore, reject } from "@wsession/core";
import { connect, listen } from "../client.ts";

interface Login {
  readonly user: string;
  /** Whether the user ticked "Remember me". */
  readonly remember: boolean;
  /** The claim `exp` of the user's JWT: seconds since the epoch. */
  readonly exp: number | undefined;
}

/** Stands for the code that reads a login from the cookie or from a verified JWT. */
function loginOf(url: string): Login | undefined {
  const query = new URL(url, "ws://localhost").searchParams;
  const user = query.get("user");
  const exp = query.get("exp");
  if (user === null) return undefined;
  return { user, remember: query.has("remember"), exp: exp === null ? undefined : Number(exp) };
}

const DAY = 24 * 3_600_000;

// #region remember
const sessions = createSessions({
  store: mapStore(),
  admit({ url }) {
    const login = loginOf(url);
    if (login === undefined) return reject(401);
    const { user: subject, remember, exp } = login;
    if (remember) return accept({ subject, idleMs: 30 * DAY, absoluteMs: 90 * DAY });
    if (exp !== undefined) return accept({ subject, expiresAt: exp * 1000 });
    return accept({ subject });
  },
  initial: () => ({}),
});
// #endregion

// #region dashboard
const dashboards = createSessions({
  store: mapStore(),
  idleMs: 30 * 60_000,
  idleFrom: "disconnect",
  initial: () => ({}),
});
// #endregion

export async function main(): Promise<string[]> {
  const [app, board] = [await listen(), await listen()];
  bindSessions(app.server, sessions, {
    open: (conn) => void conn.send(`${Math.round((conn.session.expiresAt - Date.now()) / DAY)} days`),
  });
  bindSessions(board.server, dashboards, {
    open: (conn) => void conn.send(`idle deadline: ${conn.session.idleExpiresAt}`),
  });
  const remembered = await connect(`${app.url}?user=ada&remember`);
  const plain = await connect(`${app.url}?user=bob`);
  const lines = [await remembered.next(), await plain.next()];
  const exp = Math.ceil(Date.now() / 1000) + 1;
  const withJwt = await connect(`${app.url}?user=eve&exp=${exp}`);
  const listener = await connect(board.url);
  lines.push(`closed with ${await withJwt.closed}`);
  lines.push(await listener.next());
  await Promise.all([remembered, plain, listener].map((client) => client.close()));
  await Promise.all([sessions.close(), dashboards.close()]);
  app.server.close();
  board.server.close();
  return lines;
}
