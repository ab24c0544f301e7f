import { bindSessions } from "@wsession/adapter-ws";
import { createSessions, isSessionError } from "@wsession/core";
import type { Connection } from "@wsession/core";
import { connect, listen } from "./client.ts";

interface Player {
  readonly name: string;
}

const sessions = createSessions<Player>({ gate: "open" });

// #region ready
/** Code outside the message handlers calls this function, so the login of the connection may not be complete. */
async function deal(conn: Connection<Player>, card: string): Promise<string> {
  try {
    const session = await conn.ready({ timeoutMs: 5_000 });
    conn.send(card);
    return `${session.data.name} has ${card}`;
  } catch (error) {
    if (isSessionError(error, "CONNECTION_CLOSED")) return "gone before the login";
    throw error;
  }
}
// #endregion

export async function main(): Promise<string[]> {
  const { server, url } = await listen();
  let arrived: (conn: Connection<Player>) => void = () => undefined;
  bindSessions(server, sessions, {
    open: (conn) => arrived(conn),
    // #region ready-login
    /** `gate: "open"`: the first message is the login. */
    async message(conn, text) {
      if (conn.session === undefined) await conn.setSession({ name: String(text) });
    },
    // #endregion
  });
  const lines: string[] = [];
  for (const logIn of [true, false]) {
    const arrival = new Promise<Connection<Player>>((resolve) => {
      arrived = resolve;
    });
    const client = await connect(url);
    const dealing = deal(await arrival, "the queen of hearts");
    if (logIn) client.send("ada");
    else await client.close();
    lines.push(await dealing);
    if (logIn) await client.close();
  }
  await sessions.close();
  server.close();
  return lines;
}
