import { createServer } from "node:http";
import { initTRPC } from "@trpc/server";
import { applyWSSHandler } from "@trpc/server/adapters/ws";
import { asWebSocket, bindSessions } from "@wsession/adapter-ws";
import { bindSessions as bindUws } from "@wsession/adapter-uws";
import type { Session } from "@wsession/core";
import uWS from "uWebSockets.js";
import { WebSocketServer } from "ws";
import { listen, listenUws, sessionsOfUsers } from "./started.ts";
import type { Started, Visitor } from "./started.ts";

const t = initTRPC.context<{ session: Session<Visitor> | undefined }>().create();

const router = t.router({
  me: t.procedure.query(({ ctx }) => ctx.session?.data.user),
  click: t.procedure.mutation(async ({ ctx }) => {
    const data = await ctx.session?.update((before) => ({ ...before, clicks: before.clicks + 1 }));
    return data?.clicks;
  }),
  count: t.procedure.subscription(async function* ({ ctx }) {
    for (let n = 1; n <= 3; n += 1) yield `${ctx.session?.data.user} ${n}`;
  }),
});

export type Router = typeof router;

export async function start(): Promise<Started> {
  const sessions = sessionsOfUsers();
  const server = createServer();
  const wss = new WebSocketServer({ server });
  applyWSSHandler({
    wss,
    router,
    // `res` is the socket, here the gated one: its session is set.
    createContext: ({ res }) => ({ session: sessions.of(res)?.session }),
  });
  bindSessions(wss, sessions, {}, { listeners: "gated" });
  return listen(server, sessions);
}

/** The same on uWebSockets.js. The server of ws listens nowhere: tRPC only waits for its event `connection`. */
export async function startUws(): Promise<Started> {
  const sessions = sessionsOfUsers();
  const app = uWS.App();
  const wss = new WebSocketServer({ noServer: true });
  applyWSSHandler({ wss, router, createContext: ({ res }) => ({ session: sessions.of(res)?.session }) });
  bindUws(app, "/*", sessions, {
    open: (connection, handshake) => void wss.emit("connection", asWebSocket(connection), handshake),
  });
  return listenUws(app, sessions);
}
