import { bindSessions } from "@wsession/adapter-ws";
import { createSessions, mapStore } from "@wsession/core";
import type { Session } from "@wsession/core";
import { connect, listen } from "../client.ts";

const sessions = createSessions({ store: mapStore(), initial: () => ({}) });

// #region one-login
/** Logs a user in here, and ends that user's other sessions. */
async function logInHere(session: Session, user: string): Promise<void> {
  await session.identify(user);
  for (const other of await sessions.bySubject(user)) {
    if (other.id !== session.id) await other.destroy("logged in elsewhere");
  }
}
// #endregion

export async function main(): Promise<string[]> {
  const { server, url } = await listen();
  bindSessions(server, sessions, {
    async message(conn, user) {
      await logInHere(conn.session, String(user));
      conn.send(`welcome ${String(user)}`);
    },
  });
  const [phone, laptop] = await Promise.all([connect(url), connect(url)]);
  phone.send("ada");
  const lines = [await phone.next()];
  laptop.send("ada");
  lines.push(await laptop.next(), `phone: ${await phone.closed}`);
  await laptop.close();
  await sessions.close();
  server.close();
  return lines;
}
