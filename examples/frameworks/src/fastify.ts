import websocket from "@fastify/websocket";
import { asWebSocket, bindSessions } from "@wsession/adapter-ws";
import fastify from "fastify";
import type { FastifyInstance } from "fastify";
import { limitClose, sessionsOfUsers } from "./started.ts";

/** The application, not listening yet: tests use `app.injectWS`. */
export async function build(onError?: (error: unknown) => void): Promise<FastifyInstance> {
  const sessions = sessionsOfUsers(0, onError);
  const app = fastify();
  await app.register(websocket, {
    // The plugin's own `preClose` would close the sockets with 1005.
    preClose: (done) => void sessions.close().then(() => app.websocketServer.close(done)),
  });
  bindSessions(app.websocketServer, sessions, {});
  // Runs after the `preClose` of the plugin, and before Fastify closes its server.
  app.addHook("preClose", (done) => {
    limitClose(app.server);
    done();
  });
  app.get("/chat", { websocket: true }, (socket) => {
    const connection = sessions.of(socket);
    if (connection === undefined) return socket.close(1011);
    // The plugin hands over the socket of ws, whose messages do not wait. This one is gated.
    const gated = asWebSocket(connection);
    gated.on("message", (text) => gated.send(`${connection.session.data.user}: ${String(text)}`));
  });
  return app;
}
