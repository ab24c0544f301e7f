import { createServer } from "node:http";
import crosswsNode from "crossws/adapters/node";
import crosswsUws from "crossws/adapters/uws";
import { Server } from "socket.io";
import uWS from "uWebSockets.js";
import { listenHttp, listenUws } from "./listen.ts";

// Other libraries doing the same work in the way that their documentation shows.

const hooks: Parameters<typeof crosswsUws>[0] = {
  hooks: {
    open(peer) {
      peer.context["session"] = { count: 0 };
    },
    message(peer, message) {
      const text = message.text();
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a context has no types of its own
      (peer.context["session"] as { count: number }).count += 1;
      peer.send(text);
    },
  },
};

export function crosswsOnUws(): void {
  const app = uWS.App();
  app.ws("/*", crosswsUws(hooks).websocket);
  listenUws(app);
}

export function crosswsOnWs(): void {
  const http = createServer();
  const adapter = crosswsNode(hooks);
  http.on("upgrade", (request, socket, head) => void adapter.handleUpgrade(request, socket, head));
  listenHttp(http);
}

export function socketio(): void {
  const http = createServer();
  const server = new Server<
    { message(text: string): void },
    { message(text: string): void },
    object,
    { session: { count: number } }
  >(http, { transports: ["websocket"], serveClient: false, pingInterval: 600_000 });
  server.on("connection", (socket) => {
    socket.data.session = { count: 0 };
    socket.on("message", (text) => {
      socket.data.session.count += 1;
      socket.emit("message", text);
    });
  });
  listenHttp(http);
}
