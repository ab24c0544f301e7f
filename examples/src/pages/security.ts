// The server's code of docs/security.md. The page's is in security-page.ts.
import { bindSessions as bindUws } from "@wsession/adapter-uws";
import { bindSessions as bindWs } from "@wsession/adapter-ws";
import { cookieToken, createSessions, mapStore, queryToken } from "@wsession/core";
import type { Handlers, Session, Sessions } from "@wsession/core";
import type { TemplatedApp } from "uWebSockets.js";
import { WebSocketServer } from "ws";
import { z } from "zod";
import { connect, listen } from "../client.ts";

/** The application's own login. */
async function logIn(text: string | Uint8Array): Promise<{ readonly id: string }> {
  return { id: String(text) };
}

export function withOrigins(): Sessions<{ readonly cart: readonly string[] }> {
  // #region origins
  const sessions = createSessions({
    store: mapStore(),
    token: cookieToken(),
    origins: ["https://app.example.com"],
    initial: () => ({ cart: [] as readonly string[] }),
  });
  // #endregion
  return sessions;
}

export function withSchema(): Sessions<{ readonly name: string; readonly visits: number }> {
  // #region schema
  const sessions = createSessions({
    schema: z.object({ name: z.string().max(40), seenAt: z.number(), visits: z.number().default(0) }),
    initial: () => ({ name: "guest", seenAt: Date.now(), visits: 0 }),
  });
  // #endregion
  return sessions;
}

/** A login over the socket, with the code for a new cookie, and the end of the session's other connections. */
export async function main(): Promise<string[]> {
  const sessions = createSessions({ store: mapStore(), token: queryToken(), initial: () => ({ cart: "" }) });
  const { server, url } = await listen();
  bindWs(server, sessions, {
    open: (conn) => void conn.send(conn.token ?? "again"),
    // #region renew-server
    // Server: the user has proved who they are, over this socket.
    async message(conn, text) {
      const user = await logIn(text);
      const { renewalCode } = await conn.session.identify(user.id);
      conn.send(JSON.stringify({ type: "renew", code: renewalCode }));
    },
    // #endregion
  });
  const first = await connect(url);
  const token = await first.next();
  const second = await connect(`${url}?token=${token}`);
  const lines = [await second.next()];
  first.send("ada");
  const { code }: { code: string } = JSON.parse(await first.next());
  const renewed = await connect(`${url}?token=${code}`);
  lines.push(await renewed.next().then(() => "renewed"));
  const [conn] = sessions.connections;
  if (conn === undefined) throw new Error("no connection");
  await endOthers(conn, { id: "ada" });
  lines.push(`closed with ${await second.closed} and ${await renewed.closed}`);
  await first.close();
  await sessions.close();
  server.close();
  return lines;
}

interface InSession {
  readonly session: Session;
  close(code: number, reason: string): void;
}

async function endOthers(conn: InSession, user: { readonly id: string }): Promise<void> {
  // #region end-others
  const renewal = await conn.session.identify(user.id);
  for (const other of conn.session.connections) if (other !== conn) other.close(4401, "logged in elsewhere");
  // #endregion
  if (renewal.token === "") throw new Error("no token");
}

/** A limit for the length of a message, on each runtime. */
export function limited<Data extends object>(
  app: TemplatedApp,
  sessions: Sessions<Data>,
  handlers: Handlers<Data>,
): WebSocketServer {
  const bindSessions = bindUws;
  // #region max-payload
  const server = new WebSocketServer({ port: 8080, maxPayload: 64 * 1024 });
  bindSessions(app, "/*", sessions, handlers, { behavior: { maxPayloadLength: 64 * 1024 } });
  // #endregion
  return server;
}
