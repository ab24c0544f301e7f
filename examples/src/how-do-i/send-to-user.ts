import { bindSessions } from "@wsession/adapter-ws";
import { accept, createSessions, mapStore, reject } from "@wsession/core";
import { connect, listen } from "../client.ts";

const sessions = createSessions({
  store: mapStore(),
  admit: (handshake) => {
    const user = handshake.headers["x-user"];
    return user === undefined ? reject(401) : accept({ subject: user });
  },
  initial: () => ({ unread: 0 }),
});

// #region send-here
/** Sends to every connection of the user in this process. Returns the number of these connections. */
function sendHere(user: string, text: string): number {
  let sent = 0;
  for (const conn of sessions.connections) {
    if (conn.session.subject !== user) continue;
    conn.send(text);
    sent += 1;
  }
  return sent;
}
// #endregion

// #region send-everywhere
/** Changes the user's sessions. The `change` handlers of every process then send a message. */
async function notify(user: string): Promise<number> {
  const found = await sessions.bySubject(user);
  await Promise.all(found.map((session) => session.update(({ unread }) => ({ unread: unread + 1 }))));
  return found.length;
}
// #endregion

export async function main(): Promise<string[]> {
  const { server, url } = await listen();
  bindSessions(server, sessions, {
    // #region send-everywhere-change
    change(conn, { unread }) {
      conn.send(`${unread} unread`);
    },
    // #endregion
  });
  const [phone, laptop, other] = await Promise.all([
    connect(url, { "x-user": "ada" }),
    connect(url, { "x-user": "ada" }),
    connect(url, { "x-user": "bob" }),
  ]);
  const lines = [`sent to ${sendHere("ada", "tea")}`, await phone.next(), await laptop.next()];
  lines.push(`notified ${await notify("ada")}`, await phone.next(), await laptop.next());
  await Promise.all([phone.close(), laptop.close(), other.close()]);
  await sessions.close();
  server.close();
  return lines;
}
