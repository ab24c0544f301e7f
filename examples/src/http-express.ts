import { createServer } from "node:http";
import type { Server } from "node:http";
import { bindSessions } from "@wsession/adapter-ws";
import { accept, cookieToken, createSessions, mapStore, reject } from "@wsession/core";
import { fromExpressSession, httpSessions } from "@wsession/http";
import express from "express";
import session from "express-session";
import { WebSocketServer } from "ws";
import { connect, portOf } from "./client.ts";

const origin = "https://app.example.com";

/** Logins of wsession itself. */
function ownLogins(): express.Express {
  const cookie = cookieToken({ name: "app", secure: false });
  const sessions = createSessions<{ name: string }>({ store: mapStore(), token: cookie, origins: [origin] });
  const app = express();
  // #region http-express
  const http = httpSessions(sessions, { cookie });

  app.use(http.express());
  app.post("/login", async (request, response) => {
    const user = await checkPassword(request);
    if (user === undefined) return response.sendStatus(401);
    await http.login(request, response, { name: user.name }, { subject: user.id });
    return response.sendStatus(204);
  });
  app.get("/me", (request, response) => response.json(http.of(request)?.data ?? null));
  app.post("/logout", async (request, response) => {
    await http.logout(request, response);
    response.sendStatus(204);
  });
  // #endregion
  return app;
}

/** Logins of express-session. */
const store = new session.MemoryStore();
const secret = "a secret of the application";

// #region http-express-session
const readSession = fromExpressSession<{ user?: string }>({ store, secret });

const sessions = createSessions({
  store: mapStore(),
  origins: ["https://app.example.com"],
  async admit(handshake) {
    const user = (await readSession(handshake))?.session.user;
    return user === undefined ? reject(401) : accept({ subject: user, context: { user } });
  },
  initial: (_handshake, { user }) => ({ user, visits: 0 }),
});
// #endregion

function expressLogins(): express.Express {
  const app = express();
  app.use(session({ store, secret, resave: false, saveUninitialized: false }));
  app.post("/login", async (request, response) => {
    Object(request.session).user = (await checkPassword(request))?.id;
    response.sendStatus(204);
  });
  return app;
}

/** The application's own users. */
async function checkPassword({
  headers,
}: express.Request): Promise<{ id: string; name: string } | undefined> {
  return headers.authorization === `Basic ${btoa("ada:lovelace")}` ? { id: "ada", name: "Ada" } : undefined;
}

export async function main(): Promise<string[]> {
  const authorization = `Basic ${btoa("ada:lovelace")}`;
  const lines: string[] = [];
  const own = await listen(ownLogins());
  const request = async (path: string, init: RequestInit = {}) =>
    fetch(`http://127.0.0.1:${portOf(own)}${path}`, init);
  const login = await request("/login", { method: "POST", headers: { origin, authorization } });
  const cookie = login.headers.get("set-cookie")?.split(";")[0] ?? "";
  lines.push(await (await request("/me", { headers: { cookie } })).text());
  await request("/logout", { method: "POST", headers: { origin, cookie } });
  lines.push(await (await request("/me", { headers: { cookie } })).text());
  own.close();

  const theirs = await listen(expressLogins());
  const wss = new WebSocketServer({ server: theirs });
  bindSessions(wss, sessions, { open: (conn) => void conn.send(`welcome ${conn.session.data.user}`) });
  const host = `127.0.0.1:${portOf(theirs)}`;
  const answer = await fetch(`http://${host}/login`, { method: "POST", headers: { authorization } });
  const sid = answer.headers.get("set-cookie")?.split(";")[0] ?? "";
  const client = await connect(`ws://${host}/`, { origin, cookie: sid });
  lines.push(await client.next());
  lines.push(String(await connect(`ws://${host}/`, { origin }).catch(String)));
  await sessions.close();
  theirs.close();
  return lines;
}

async function listen(app: express.Express): Promise<Server> {
  const server = createServer(app);
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  return server;
}
