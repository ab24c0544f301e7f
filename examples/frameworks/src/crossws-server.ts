import { bindSessions } from "@wsession/adapter-ws";
import type { Peer } from "crossws";
import { serve } from "crossws/server/node";
import { WebSocketServer } from "ws";
import { sessionsOfUsers } from "./started.ts";
import type { Started } from "./started.ts";

/** The server of crossws, which listens by itself: HTTP goes to `fetch`, and WebSockets to the hooks. */
export async function start(): Promise<Started> {
  const sessions = sessionsOfUsers();
  const wss = new WebSocketServer({ noServer: true });
  bindSessions(wss, sessions, {}, { listeners: "gated" });
  // A peer of crossws has its socket in a private member only.
  const sessionOf = (peer: Peer) => sessions.of(Reflect.get(peer, "_internal").ws)?.session;
  const server = serve({
    hostname: "127.0.0.1",
    port: 0,
    silent: true,
    fetch: () => new Response("hello"),
    websocket: {
      // crossws ships types of ws of its own, which differ in names only.
      options: { node: { wss: wss as never } },
      async message(peer, message) {
        const data = await sessionOf(peer)?.update((before) => ({ ...before, clicks: before.clicks + 1 }));
        peer.send(`${data?.user}: ${message.text()} ${data?.clicks}`);
      },
    },
  });
  await server.ready();
  const { port } = new URL(server.url ?? "");
  return { port: Number(port), close: () => sessions.close().then(() => server.close(true)) };
}
