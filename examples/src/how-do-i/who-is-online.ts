import { once } from "node:events";
import { bindSessions } from "@wsession/adapter-ws";
import { accept, createSessions, mapStore } from "@wsession/core";
import { connect, listen } from "../client.ts";

const sessions = createSessions({
  store: mapStore(),
  leaveAfterMs: 10_000,
  admit: (handshake) => accept({ subject: handshake.headers["x-user"] }),
  initial: () => ({}),
});

// #region is-online
/** Whether a user has a connection on any process. */
async function isOnline(user: string): Promise<boolean> {
  return (await sessions.presenceOfSubject(user)).type === "online";
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
