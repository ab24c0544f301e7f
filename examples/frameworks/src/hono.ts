import { serve, upgradeWebSocket } from "@hono/node-server";
import { bindSessions } from "@wsession/adapter-ws";
import { Hono } from "hono";
import { WebSocketServer } from "ws";
import { limitClose, sessionsOfUsers } from "./started.ts";
import type { Started } from "./started.ts";

export async function start(): Promise<Started> {
  const sessions = sessionsOfUsers();
  const app = new Hono();
  app.get("/", (c) => c.text("hello"));
  const upgrade = upgradeWebSocket(() => ({
    onMessage({ data }, ws) {
      const session = ws.raw && sessions.of(ws.raw)?.session;
      ws.send(`${session?.data.user}: ${String(data)}`);
    },
  }));
  app.get("/chat", upgrade);
  const wss = new WebSocketServer({ noServer: true });
  // Hono waits for the event `connection`, so it gets the gated socket.
  bindSessions(wss, sessions, {}, { listeners: "gated" });
  return new Promise((resolve) => {
    const options = { fetch: app.fetch, port: 0, hostname: "127.0.0.1", websocket: { server: wss } };
    const server = serve(options, ({ port }) => {
      const close = async () => {
        await sessions.close();
        limitClose(server);
        await new Promise((closed) => {
          server.close(closed);
        });
      };
      resolve({ port, close });
    });
  });
}
