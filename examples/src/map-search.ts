import { bindSessions } from "@wsession/adapter-ws";
import { createSessions, mapStore } from "@wsession/core";
import { connect, listen } from "./client.ts";

// #region map-search
const store = mapStore({ maxSessions: 10_000 });
const sessions = createSessions({
  store,
  initial: (handshake) => ({ room: new URL(handshake.url, "ws://host").searchParams.get("room") ?? "lobby" }),
});

/** Sends a text to all members of a room. Each session lists its connections. */
async function announce(room: string, text: string): Promise<number> {
  let reached = 0;
  for await (const session of sessions.entries()) {
    if (session.data.room !== room) continue;
    for (const conn of session.connections) if (conn.send(text) !== "closed") reached += 1;
  }
  return reached;
}
// #endregion

export async function main(): Promise<string[]> {
  const { server, url } = await listen();
  bindSessions(server, sessions, {});
  const clients = [
    await connect(`${url}?room=red`),
    await connect(`${url}?room=red`),
    await connect(`${url}?room=blue`),
  ];
  const lines = [`${store.size} sessions`, `reached ${await announce("red", "tea is served")}`];
  lines.push(...(await Promise.all(clients.slice(0, 2).map((client) => client.next()))));
  await Promise.all(clients.map((client) => client.close()));
  await sessions.close();
  server.close();
  return lines;
}
