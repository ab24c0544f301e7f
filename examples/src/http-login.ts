import { once } from "node:events";
import { createServer } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import { bindSessions } from "@wsession/adapter-ws";
import { cookieToken, createSessions } from "@wsession/core";
import { httpSessions, httpStatusOf } from "@wsession/http";
import { redisStore } from "@wsession/store-redis";
import { Redis } from "ioredis";
import { WebSocketServer } from "ws";
import { connect, portOf } from "./client.ts";

const origin = "https://app.example.com";

// #region http-login-sessions
/** For plain HTTP on a developer's machine. With TLS: `cookieToken()`, and no options. */
const cookie = cookieToken({ name: "app", secure: false });

/** A WebSocket has the session that the login created. Without a login there is no WebSocket. */
function sessionsOn(client: Redis) {
  return createSessions<{ user: string; visits: number }>({
    store: redisStore({ client }),
    token: cookie,
    origins: [origin],
    onNoToken: "close",
    absoluteMs: 12 * 3_600_000,
  });
}
// #endregion

/** Starts the server, which ends on SIGTERM. */
async function start(redisUrl: string) {
  const client = new Redis(redisUrl);
  const sessions = sessionsOn(client);

  // #region http-login-http
  const http = httpSessions(sessions, { cookie });

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<unknown> {
    const session = await http.open(request);
    switch (request.url) {
      case "/me":
        return response.end(JSON.stringify(session?.data ?? null));
      case "/login": {
        const user = await checkPassword(request);
        if (user === undefined) return response.writeHead(401).end();
        await http.login(request, response, { user, visits: 0 }, { subject: user });
        return response.writeHead(204).end();
      }
      case "/logout-everywhere":
        await http.logout(request, response); // refuses requests of other sites, before anything is changed
        if (session?.subject !== undefined) await sessions.destroySubject(session.subject, "logged out");
        return response.writeHead(204).end();
      default:
        return response.writeHead(404).end();
    }
  }

  const server = createServer((request, response) => {
    answer(request, response).catch((error: unknown) => {
      response.writeHead(httpStatusOf(error)).end();
    });
  });
  // #endregion

  // #region http-login-ws
  const wss = new WebSocketServer({ server, maxPayload: 64 * 1024 });
  bindSessions(wss, sessions, {
    async message(conn) {
      const { user, visits } = await conn.session.update((data) => ({ ...data, visits: data.visits + 1 }));
      conn.send(`${user}: ${visits}`);
    },
  });
  // #endregion

  // #region http-login-stop
  async function stop(): Promise<void> {
    await sessions.close(); // refuses handshakes, closes connections with 1012, settles their writes
    wss.close();
    server.close();
    // Node waits without a limit for a client whose request is not complete, so the remaining connections end after 5 s.
    const late = setTimeout(() => server.closeAllConnections(), 5_000);
    await once(server, "close"); // the HTTP requests in progress have their answers
    clearTimeout(late);
    await client.quit(); // last, because all of the above may need it
  }

  const stopped = new Promise<void>((resolve, reject) => {
    process.once("SIGTERM", () => void stop().then(resolve, reject));
  });
  // #endregion

  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return { host: `127.0.0.1:${portOf(server)}`, stopped };
}

/** The application's own: it may take as long as it likes. */
async function checkPassword({ headers }: IncomingMessage): Promise<string | undefined> {
  return headers.authorization === `Basic ${btoa("ada:lovelace")}` ? "ada" : undefined;
}

export async function main(redisUrl: string): Promise<string[]> {
  const { host, stopped } = await start(redisUrl);
  const post = async (path: string, password: string, more: Record<string, string> = {}) => {
    const authorization = `Basic ${btoa(`ada:${password}`)}`;
    return fetch(`http://${host}${path}`, { method: "POST", headers: { origin, authorization, ...more } });
  };
  const logIn = async () => {
    const response = await post("/login", "lovelace");
    const [pair = ""] = (response.headers.get("set-cookie") ?? "").split(";");
    return { origin, cookie: pair };
  };
  const refused = await post("/login", "byron");
  const stranger = await connect(`ws://${host}/`, { origin });
  const lines = [`a wrong password: ${refused.status}, no cookie: ${await stranger.closed}`];

  const phone = await logIn();
  const laptop = await logIn();
  const clients = [await connect(`ws://${host}/`, phone), await connect(`ws://${host}/`, laptop)];
  for (const client of clients) {
    client.send("hello");
    lines.push(await client.next());
  }

  lines.push(await (await fetch(`http://${host}/me`, { headers: phone })).text());
  const foreign = await post("/logout-everywhere", "", { ...phone, origin: "https://evil.example" });
  lines.push(`a logout from another site: ${foreign.status}`);
  await post("/logout-everywhere", "", phone);
  const codes = await Promise.all(clients.map((client) => client.closed));
  lines.push(`logged out: ${codes.join(" and ")}`);
  const again = await connect(`ws://${host}/`, phone);
  lines.push(`the cookie of before: ${await again.closed}`);

  const last = await connect(`ws://${host}/`, await logIn());
  process.kill(process.pid, "SIGTERM");
  lines.push(`stopped: ${await last.closed}`);
  await stopped;
  return lines;
}
