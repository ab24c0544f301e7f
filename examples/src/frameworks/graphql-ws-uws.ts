import { asWebSocket } from "@wsession/adapter-ws";
import { bindSessions } from "@wsession/adapter-uws";
import { accept, createSessions, mapStore, reject } from "@wsession/core";
import type { Session } from "@wsession/core";
import { buildSchema } from "graphql";
import { useServer } from "graphql-ws/use/ws";
import uWS from "uWebSockets.js";
import { WebSocketServer } from "ws";

interface Visitor {
  readonly user: string;
}

const schema = buildSchema("type Query { me: String } type Subscription { count(to: Int!): String }");

type Context = { readonly session: Session<Visitor> | undefined };

const roots = {
  query: { me: (_: unknown, { session }: Context) => session?.data.user },
  subscription: {
    async *count({ to }: { to: number }, { session }: Context) {
      for (let n = 1; n <= to; n += 1) yield { count: `${session?.data.user} ${n}` };
    },
  },
};

/** `useServer` of graphql-ws on uWebSockets.js. Here the URL names the user, as a cookie or a token does in an application. */
export async function start(): Promise<{ url: string; close(): Promise<void> }> {
  const sessions = createSessions({
    store: mapStore(),
    admit({ url }) {
      const user = new URL(url, "ws://localhost").searchParams.get("user");
      return user === null ? reject(401) : accept({ subject: user, context: { user } });
    },
    initial: (_handshake, { user }): Visitor => ({ user }),
  });
  // It listens nowhere: graphql-ws only waits for its event `connection`.
  const wss = new WebSocketServer({ noServer: true });
  useServer(
    { schema, roots, context: ({ extra }) => ({ session: sessions.of(extra.socket)?.session }) },
    wss,
  );
  const app = uWS.App();
  bindSessions(app, "/*", sessions, {
    open: (connection, handshake) => void wss.emit("connection", asWebSocket(connection), handshake),
  });
  const port = await new Promise<number>((resolve, fail) => {
    app.listen("127.0.0.1", 0, (token) => {
      if (token === false) fail(new Error("no port is free"));
      else resolve(uWS.us_socket_local_port(token));
    });
  });
  const close = async () => {
    await sessions.close();
    app.close();
  };
  return { url: `ws://127.0.0.1:${port}/`, close };
}
