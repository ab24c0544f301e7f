import { Auth } from "@auth/core";
import type { AuthConfig } from "@auth/core";
import { encode } from "@auth/core/jwt";
import { bindSessions } from "@wsession/adapter-ws";
import { accept, createSessions, mapStore, reject } from "@wsession/core";
import type { Handshake } from "@wsession/core";
import { betterAuth } from "better-auth";
import { memoryAdapter } from "better-auth/adapters/memory";
import { connect, listen } from "./client.ts";

const authConfig: AuthConfig = {
  basePath: "/auth",
  trustHost: true,
  secret: "a secret of the application",
  providers: [],
  // Otherwise Auth.js prints each cookie that it can't read.
  logger: { error() {}, warn() {}, debug() {} },
};

// #region http-auth-js
/** The session of Auth.js, of the strategy "jwt": its own route answers. */
async function sessionOfAuthJs({ headers }: Handshake): Promise<{ user?: { email?: string } } | null> {
  const route = "https://app.example.com/auth/session";
  const answer = await Auth(new Request(route, { headers: { cookie: headers["cookie"] ?? "" } }), authConfig);
  if (!answer.ok) throw new Error(`Auth.js answered ${answer.status}`);
  return answer.json();
}

const sessions = createSessions({
  store: mapStore(),
  origins: ["https://app.example.com"],
  async admit(handshake) {
    const email = (await sessionOfAuthJs(handshake))?.user?.email;
    return email === undefined ? reject(401) : accept({ subject: email });
  },
  initial: () => ({ visits: 0 }),
});
// #endregion

const auth = betterAuth({
  database: memoryAdapter({ user: [], session: [], account: [], verification: [] }),
  baseURL: "https://app.example.com",
  secret: "a secret of the application, which is long",
  emailAndPassword: { enabled: true },
  logger: { disabled: true },
});

// #region http-better-auth
const sessionsOfBetterAuth = createSessions({
  store: mapStore(),
  origins: ["https://app.example.com"],
  async admit({ headers }) {
    const found = await auth.api.getSession({ headers: new Headers({ cookie: headers["cookie"] ?? "" }) });
    return found === null
      ? reject(401)
      : accept({ subject: found.user.id, context: { name: found.user.name } });
  },
  initial: (_handshake, { name }) => ({ name, visits: 0 }),
});
// #endregion

export async function main(): Promise<string[]> {
  const lines: string[] = [];
  const origin = "https://app.example.com";
  const authJs = await listen();
  bindSessions(authJs.server, sessions, {
    open: (conn) => void conn.send(`welcome ${conn.session.subject}`),
  });
  const salt = "__Secure-authjs.session-token";
  const jwt = await encode({
    token: { email: "ada@example.com" },
    secret: "a secret of the application",
    salt,
  });
  lines.push(await (await connect(authJs.url, { origin, cookie: `${salt}=${jwt}` })).next());
  lines.push(String(await connect(authJs.url, { origin, cookie: `${salt}=guess` }).catch(String)));

  const better = await listen();
  bindSessions(better.server, sessionsOfBetterAuth, {
    open: (conn) => void conn.send(`welcome ${conn.session.data.name}`),
  });
  const body = { email: "ada@example.com", password: "lovelace", name: "Ada" };
  const answer = await auth.api.signUpEmail({ body, asResponse: true });
  const cookie = answer.headers.getSetCookie().map((line) => line.split(";")[0]);
  lines.push(await (await connect(better.url, { origin, cookie: cookie.join("; ") })).next());
  lines.push(String(await connect(better.url, { origin }).catch(String)));
  const forged = cookie.map((line = "") => `${line.slice(0, -1)}x`);
  lines.push(String(await connect(better.url, { origin, cookie: forged.join("; ") }).catch(String)));
  await auth.api.signOut({ headers: new Headers({ cookie: cookie.join("; ") }) });
  lines.push(String(await connect(better.url, { origin, cookie: cookie.join("; ") }).catch(String)));

  await Promise.all([sessions.close(), sessionsOfBetterAuth.close()]);
  authJs.server.close();
  better.server.close();
  return lines;
}
