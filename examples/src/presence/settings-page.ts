import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import { bindSessions } from "@wsession/adapter-ws";
import { CloseCode, cookieToken, createSessions, mapStore } from "@wsession/core";
import { httpSessions, isHttpSessionError } from "@wsession/http";
import { WebSocketServer } from "ws";
import { portOf } from "../client.ts";
import { devicesOf, logOut } from "./devices.ts";
import type { DeviceData } from "./devices.ts";

const page = new URL("../../src/presence/settings-page.html", import.meta.url);
/** A page's build bundles the client. Here the page imports the files as they are. */
const modules: Readonly<Record<string, string>> = {
  client: import.meta.resolve("@wsession/client"),
  protocol: import.meta.resolve("@wsession/protocol"),
};

/** The settings page of a user: which devices are there, since when, and a button that signs one out. */
export async function startSettings(): Promise<{ url: string; stop(): Promise<void> }> {
  const cookie = cookieToken({ name: "app", secure: false }); // with TLS: no options
  const sessions = createSessions<DeviceData>({ store: mapStore(), token: cookie, leaveAfterMs: 10_000 });
  const http = httpSessions(sessions, { cookie });

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<unknown> {
    const { pathname, searchParams } = new URL(request.url ?? "/", "http://here");
    const route = `${request.method} ${pathname}`;
    if (route === "GET /") return response.setHeader("content-type", "text/html").end(await readFile(page));
    const [, module = "", file = ""] = /^GET \/modules\/(\w+)\/([a-z-]+\.js)$/.exec(route) ?? [];
    if (modules[module] !== undefined) {
      const code = await readFile(new URL(file, modules[module]));
      return response.setHeader("content-type", "text/javascript").end(code);
    }
    if (route === "POST /login") {
      // An application checks a password first.
      const subject = searchParams.get("user") ?? "nobody";
      await http.login(
        request,
        response,
        { device: request.headers["user-agent"] ?? "unknown" },
        { subject },
      );
      return response.writeHead(204).end();
    }
    const session = await http.open(request);
    if (session?.subject === undefined) return response.writeHead(401).end();
    if (route === "GET /devices") {
      const devices = await devicesOf(sessions, session.subject);
      const rows = devices.map((device) => ({ ...device, isThis: device.id === session.id }));
      return response.setHeader("content-type", "application/json").end(JSON.stringify(rows));
    }
    // The cookie is SameSite=Lax, so a page of another site can't send this request as the user.
    if (route.startsWith("DELETE /devices/")) {
      const isOut = await logOut(sessions, session.subject, pathname.slice("/devices/".length));
      return response.writeHead(isOut ? 204 : 404).end();
    }
    return response.writeHead(404).end();
  }

  const server = createServer((request, response) => {
    answer(request, response).catch((error: unknown) => {
      response.writeHead(isHttpSessionError(error) ? error.status : 503).end();
    });
  });
  const wss = new WebSocketServer({ server });
  bindSessions(wss, sessions, {
    async open(connection) {
      const subject = connection.session?.subject;
      if (subject === undefined) return connection.close(CloseCode.SessionNeeded, "log in first");
      // Until the connection ends: each change of the user's presence makes the page read the list again.
      const { signal } = endOf(connection);
      await sessions.watch([subject], () => void connection.send("devices"), { signal });
    },
    close: (connection) => endOf(connection).abort(),
  });

  const ends = new WeakMap<object, AbortController>();
  function endOf(connection: object): AbortController {
    const end = ends.get(connection) ?? new AbortController();
    ends.set(connection, end);
    return end;
  }

  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${portOf(server)}/`,
    async stop() {
      await sessions.close();
      wss.close();
      server.closeAllConnections();
      server.close();
    },
  };
}
