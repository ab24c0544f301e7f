import { once } from "node:events";
import { createServer } from "node:http";
import { bindSessions } from "@wsession/adapter-ws";
import { cookieToken, createSessions, mapStore } from "@wsession/core";
import { httpSessions } from "@wsession/http";
import express from "express";
import { WebSocketServer } from "ws";
import { portOf } from "../client.ts";

interface Visitor {
  readonly name: string;
  readonly clicks: number;
}

export async function start(): Promise<{ port: number; close(): Promise<void> }> {
  const cookie = cookieToken();
  const sessions = createSessions<Visitor>({ store: mapStore(), token: cookie, onNoToken: "refuse" });
  const http = httpSessions(sessions, { cookie });
  const app = express();
  app.use(http.express());
  app.post("/login", express.json(), async (request, response) => {
    // Without a body of the type application/json, Express 5 leaves `body` undefined.
    const name: unknown = request.body?.name;
    if (typeof name !== "string" || name === "") return void response.sendStatus(400);
    await http.login(request, response, { name, clicks: 0 }, { subject: name });
    response.sendStatus(204);
  });
  app.get("/me", (request, response) => {
    const session = http.of(request);
    if (session === undefined) response.sendStatus(401);
    else response.json(session.data);
  });
  app.post("/logout", async (request, response) => {
    await http.logout(request, response);
    response.sendStatus(204);
  });

  const server = createServer(app);
  // `path`: ws answers an upgrade of another path with 400. Several servers: see docs/frameworks.md.
  const wss = new WebSocketServer({ server, path: "/socket" });
  bindSessions(wss, sessions, {
    async message(conn) {
      const { name, clicks } = await conn.session.update((data) => ({ ...data, clicks: data.clicks + 1 }));
      conn.send(`${name}: ${clicks}`);
    },
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const close = async () => {
    await sessions.close();
    server.close();
    server.closeAllConnections();
  };
  return { port: portOf(server), close };
}
