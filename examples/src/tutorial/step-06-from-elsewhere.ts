import { bindSessions } from "@wsession/adapter-ws";
import { createSessions, mapStore } from "@wsession/core";
import { connect, listen } from "../client.ts";

const sessions = createSessions({ store: mapStore(), initial: () => ({ score: 0 }) });

// #region from-elsewhere
/** Step 6: code without a connection of the session changes it, such as an HTTP route or a timer. */
async function giveBonus(id: string): Promise<boolean> {
  const session = await sessions.get(id);
  if (session === undefined) return false;
  await session.update(({ score }) => ({ score: score + 10 }));
  return true;
}
// #endregion

// #region everybody
/** Reads all sessions, with or without a connection. */
async function best(): Promise<number> {
  let highest = 0;
  for await (const { data } of sessions.entries()) highest = Math.max(highest, data.score);
  return highest;
}
// #endregion

export async function main(): Promise<string[]> {
  const { server, url } = await listen();
  bindSessions(server, sessions, {
    open: (conn) => void conn.send(conn.session.id),
    change: (conn, { score }) => void conn.send(`you have ${score}`),
  });
  const client = await connect(url);
  const id = await client.next();
  const lines = [`${await giveBonus(id)}`, await client.next(), `best: ${await best()}`];
  lines.push(`${await giveBonus("nobody")}`);
  await client.close();
  await sessions.close();
  server.close();
  return lines;
}
