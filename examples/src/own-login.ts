import { bindSessions } from "@wsession/adapter-ws";
import { accept, createSessions, mapStore, reject } from "@wsession/core";
import { connect, listen } from "./client.ts";

interface Login {
  readonly user: string;
  sessionId: string | undefined;
}

/** The application's own logins, by the secret in its own cookie. */
const logins = new Map<string, Login>([["login=secret", { user: "ada", sessionId: undefined }]]);

async function loginOf(handshake: {
  readonly headers: Readonly<Record<string, string>>;
}): Promise<Login | undefined> {
  return logins.get(handshake.headers["cookie"] ?? "");
}

// #region own-login
const sessions = createSessions({
  store: mapStore(),
  origins: ["https://app.example.com"],
  async admit(handshake) {
    const login = await loginOf(handshake); // your own cookie, checked by your own code
    if (login === undefined) return reject(401);
    return accept({ subject: login.user, sessionId: login.sessionId });
  },
  initial: () => ({ visits: 0 }),
});
// #endregion

export async function main(): Promise<string[]> {
  const { server, url } = await listen();
  bindSessions(server, sessions, {
    // #region own-login-use
    async open(conn, handshake) {
      // Not resumed: this is the login's first session, or its previous session is gone.
      const login = conn.resumed ? undefined : await loginOf(handshake);
      if (login !== undefined) login.sessionId = conn.session.id;
      conn.send(conn.resumed ? "welcome back" : "welcome");
    },
    // #endregion
  });
  const lines: string[] = [];
  const headers = { origin: "https://app.example.com", cookie: "login=secret" };
  for (const ending of ["close", "logout", "close"]) {
    const client = await connect(url, headers);
    lines.push(await client.next());
    if (ending === "logout") await sessions.destroySubject("ada");
    else await client.close();
  }
  lines.push(String(await connect(url, { ...headers, cookie: "login=guess" }).catch(String)));
  await sessions.close();
  server.close();
  return lines;
}
