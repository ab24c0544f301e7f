import { once } from "node:events";
import { bindSessions } from "@wsession/adapter-ws";
import { accept, createSessions, mapStore } from "@wsession/core";
import { connect, listen } from "../client.ts";

const sessions = createSessions({
  store: mapStore(),
  admit: (handshake) => accept({ subject: handshake.headers["x-user"] }),
  initial: () => ({}),
});

// #region is-online
/** Whether a user has a connection on any process. */
async function isOnline(user: string): Promise<boolean> {
  for (const session of await sessions.bySubject(user)) {
    const { connections } = await sessions.presence(session.id);
    if (connections > 0) return true;
  }
  return false;
}
// #endregion

// #region online-here
/** The users with a connection to this process: no I/O. */
function onlineHere(): Set<string> {
  const users = new Set<string>();
  for (const { session } of sessions.connections)
    if (session.subject !== undefined) users.add(session.subject);
  return users;
}
// #endregion

export async function main(): Promise<string[]> {
  const { server, url } = await listen();
  bindSessions(server, sessions, {});
  const client = await connect(url, { "x-user": "ada" });
  const lines = [`ada ${await isOnline("ada")}, bob ${await isOnline("bob")}`, [...onlineHere()].join()];
  const gone = once([...server.clients][0] ?? server, "close");
  await client.close();
  await gone;
  lines.push(`ada ${await isOnline("ada")}`);
  await sessions.close();
  server.close();
  return lines;
}
