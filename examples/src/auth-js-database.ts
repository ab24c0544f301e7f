import { Auth } from "@auth/core";
import type { AuthConfig } from "@auth/core";
import type { Adapter, AdapterSession, AdapterUser } from "@auth/core/adapters";
import { bindSessions } from "@wsession/adapter-ws";
import { accept, createSessions, mapStore, reject } from "@wsession/core";
import { fromAuthJs } from "@wsession/http";
import { connect, listen } from "./client.ts";

/** The tables that Auth.js has in a database. */
const table = new Map<string, AdapterSession>();
const ada: AdapterUser = { id: "ada", email: "ada@example.com", emailVerified: null };
let isAway = false;
const failures: unknown[] = [];

/** An adapter of Auth.js: those for Prisma, Drizzle and others have the same methods. */
const adapter: Adapter = {
  async getSessionAndUser(sessionToken) {
    if (isAway) throw new Error("the database is away");
    const session = table.get(sessionToken);
    return session === undefined ? null : { session, user: ada };
  },
  async updateSession(changes) {
    const session = table.get(changes.sessionToken);
    if (session !== undefined) table.set(changes.sessionToken, { ...session, ...changes });
    return session;
  },
  async deleteSession(sessionToken) {
    table.delete(sessionToken);
  },
  createSession(session) {
    table.set(session.sessionToken, session);
    return session;
  },
  createUser: (user) => user,
  getUser: () => ada,
  getUserByEmail: () => ada,
  getUserByAccount: () => ada,
  updateUser: () => ada,
  linkAccount: (account) => account,
};

// #region auth-js-database
const readAuthJs = fromAuthJs({ adapter });

const sessionsOfDatabase = createSessions({
  store: mapStore(),
  origins: ["https://app.example.com"],
  async admit(handshake) {
    const found = await readAuthJs(handshake);
    return found === undefined ? reject(401) : accept({ subject: found.user.id });
  },
  initial: () => ({ visits: 0 }),
  onError: (error) => failures.push(error),
});
// #endregion

/** Auth.js itself, which reads the same table for the routes of the application. */
const authConfig: AuthConfig = {
  adapter,
  basePath: "/auth",
  trustHost: true,
  secret: "a secret of the application",
  session: { strategy: "database" },
  providers: [],
};

export async function main(): Promise<string[]> {
  const lines: string[] = [];
  const { server, url } = await listen();
  bindSessions(server, sessionsOfDatabase, {
    open: (conn) => void conn.send(`welcome ${conn.session.subject}`),
  });
  const origin = "https://app.example.com";
  const cookieOf = (token: string) => `__Secure-authjs.session-token=${token}`;
  const login = (sessionToken: string, ms: number) =>
    table.set(sessionToken, { sessionToken, userId: ada.id, expires: new Date(Date.now() + ms) });
  const attempt = async (what: string, headers: Record<string, string>) =>
    lines.push(`${what}: ${String(await connect(url, { origin, ...headers }).catch(String))}`);

  login("token", 3_600_000);
  login("old", -1);
  const request = new Request(`${origin}/auth/session`, { headers: { cookie: cookieOf("token") } });
  const { user }: { user: { email: string } } = await (await Auth(request, authConfig)).json();
  lines.push(`Auth.js: ${user.email}`);
  lines.push(await (await connect(url, { origin, cookie: cookieOf("token") })).next());
  await attempt("expired", { cookie: cookieOf("old") });
  table.delete("token");
  await attempt("logged out", { cookie: cookieOf("token") });
  await attempt("no cookie", {});
  isAway = true;
  await attempt("away", { cookie: cookieOf("token") });
  lines.push(`reported: ${failures.map(String).join()}`);
  await sessionsOfDatabase.close();
  server.close();
  return lines;
}
