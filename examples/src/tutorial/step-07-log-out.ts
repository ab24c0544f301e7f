import { bindSessions } from "@wsession/adapter-ws";
import { createSessions, mapStore, queryToken } from "@wsession/core";
import { connect, listen } from "../client.ts";

const sessions = createSessions({
  store: mapStore(),
  token: queryToken(),
  initial: () => ({ score: 0 }),
});

async function checkPassword(text: string): Promise<string | undefined> {
  const [name, password] = text.split(":");
  return password === `secret-of-${name}` ? name : undefined;
}

export async function main(): Promise<string[]> {
  const { server, url } = await listen();
  bindSessions(server, sessions, {
    // #region log-in
    /** Step 7: a login in an open connection, and a logout of all devices. */
    async message(conn, text) {
      if (text === "log out everywhere") {
        const { subject } = conn.session;
        if (subject !== undefined) await sessions.destroySubject(subject, "logged out");
        return;
      }
      const user = await checkPassword(String(text));
      if (user === undefined) return conn.close(4401, "wrong password");
      const { token } = await conn.session.identify(user);
      conn.send(token);
    },
    // #endregion
  });
  const [phone, laptop] = await Promise.all([connect(url), connect(url)]);
  phone.send("ada:secret-of-ada");
  laptop.send("ada:secret-of-ada");
  const token = await phone.next();
  await laptop.next();
  laptop.send("log out everywhere");
  const lines = [`phone ${await phone.closed}, laptop ${await laptop.closed}`];
  const later = await connect(`${url}?token=${token}`);
  later.send("eve:guess");
  lines.push(`${await later.closed}`);
  await sessions.close();
  server.close();
  return lines;
}
