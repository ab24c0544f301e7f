import { createServer } from "node:http";
import { bindSessions } from "@wsession/adapter-ws";
import crossws from "crossws/adapters/node";
import type { Peer } from "crossws";
import { WebSocketServer } from "ws";
import { listen, sessionsOfUsers } from "./started.ts";
import type { Started } from "./started.ts";

export async function start(): Promise<Started> {
  const sessions = sessionsOfUsers();
  const wss = new WebSocketServer({ noServer: true });
  // A peer of crossws has its socket in a private member only.
  const sessionOf = (peer: Peer) => sessions.of(Reflect.get(peer, "_internal").ws)?.session;
  bindSessions(wss, sessions, {}, { listeners: "gated" });
  const { handleUpgrade } = crossws({
    // crossws ships types of ws of its own, which differ in names only.
    wss: wss as never,
    hooks: {
      async message(peer, message) {
        const data = await sessionOf(peer)?.update((before) => ({ ...before, clicks: before.clicks + 1 }));
        peer.send(`${data?.user}: ${message.text()} ${data?.clicks}`);
      },
    },
  });
  const server = createServer();
  server.on("upgrade", (request, socket, head) => void handleUpgrade(request, socket, head));
  return listen(server, sessions);
}
