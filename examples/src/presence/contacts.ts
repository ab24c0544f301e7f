// A client follows the presence of another user, until its own connection ends.
import { bindSessions } from "@wsession/adapter-ws";
import { accept, createSessions, mapStore } from "@wsession/core";
import { connect, listen } from "../client.ts";

const sessions = createSessions({
  store: mapStore(),
  // An application checks here who the visitor is.
  admit: ({ headers }) => accept({ subject: headers["x-user"] ?? "guest" }),
  initial: () => ({}),
});

export async function main(): Promise<string[]> {
  const { server, url } = await listen();
  bindSessions(server, sessions, {
    // #region watch
    async message(conn, user) {
      const end = new AbortController();
      void conn.closed.then(() => end.abort());
      await sessions.watch([String(user)], ({ subject, type }) => conn.send(`${subject} is ${type}`), {
        signal: end.signal,
      });
    },
    // #endregion
  });
  const ada = await connect(url, { "x-user": "ada" });
  ada.send("bob");
  const lines = [await ada.next()];
  const bob = await connect(url, { "x-user": "bob" });
  lines.push(await ada.next());
  await bob.close();
  lines.push(await ada.next());
  await ada.close();
  await sessions.close();
  server.close();
  return lines;
}
