import { bindSessions } from "@wsession/adapter-ws";
import { accept, createSessions, reject } from "@wsession/core";
import type { Handshake } from "@wsession/core";
import { connect, listen } from "../client.ts";

const users = new Map([["secret-of-ada", "ada"]]);

/** Your own login: a cookie, a JSON Web Token, an API key. */
async function userOf(handshake: Handshake): Promise<string | undefined> {
  return users.get(handshake.headers["x-api-key"] ?? "");
}

// #region admit
/** Step 3: a client without a valid login gets 401, and no WebSocket. */
const sessions = createSessions({
  async admit(handshake) {
    const user = await userOf(handshake);
    return user === undefined ? reject(401) : accept({ subject: user });
  },
  initial: () => ({ score: 0 }),
});
// #endregion

export async function main(): Promise<string[]> {
  const { server, url } = await listen();
  bindSessions(server, sessions, {
    open: (conn) => void conn.send(`welcome ${conn.session.subject}`),
  });
  const client = await connect(url, { "x-api-key": "secret-of-ada" });
  const lines = [await client.next()];
  await client.close();
  lines.push(await connect(url).then(String, String));
  await sessions.close();
  server.close();
  return lines;
}
