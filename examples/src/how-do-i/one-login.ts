import { bindSessions } from "@wsession/adapter-ws";
import { createSessions, mapStore } from "@wsession/core";
import { connect, listen } from "../client.ts";

// #region one-login
const sessions = createSessions({
  store: mapStore(),
  initial: () => ({}),
  maxSessionsPerSubject: 1,
});
// #endregion

export async function main(): Promise<string[]> {
  const { server, url } = await listen();
  bindSessions(server, sessions, {
    async message(conn, user) {
      await conn.session.identify(String(user));
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
