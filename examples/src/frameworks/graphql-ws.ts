import { bindSessions } from "@wsession/adapter-ws";
import { createSessions, mapStore } from "@wsession/core";
import { buildSchema } from "graphql";
import { useServer } from "graphql-ws/use/ws";
import type { WebSocketServer } from "ws";
import { listen } from "../client.ts";

interface Visitor {
  readonly user: string;
}

const schema = buildSchema(`
  type Query { me: String }
  type Subscription { count(to: Int!): String }
`);

/** Users by their access tokens. */
const users: Readonly<Record<string, string>> = { "ada's token": "ada" };

export async function start(): Promise<{ server: WebSocketServer; url: string; close(): Promise<void> }> {
  // With the gate "open" the messages of graphql-ws come before the session, since the first of them logs in.
  const sessions = createSessions<Visitor>({ store: mapStore(), gate: "open" });
  const sessionOf = (context: { extra: { socket: object } }) => sessions.of(context.extra.socket)?.session;
  const { server, url } = await listen();
  const roots = {
    query: { me: (_: unknown, { session }: Context) => session?.data.user },
    subscription: {
      async *count({ to }: { to: number }, { session }: Context) {
        for (let n = 1; n <= to; n += 1) yield { count: `${session?.data.user} ${n}` };
      },
    },
  };
  type Context = { session: ReturnType<typeof sessionOf> };
  // Call this before bindSessions, because useServer sets `handleProtocols` of the server, which bindSessions reads.
  useServer(
    {
      schema,
      roots,
      async onConnect({ connectionParams, extra }) {
        const user = users[String(connectionParams?.["token"])];
        if (user === undefined) return false;
        await sessions.of(extra.socket)?.setSession({ user });
        return true;
      },
      context: (context) => ({ session: sessionOf(context) }),
    },
    server,
  );
  bindSessions(server, sessions, {}, { listeners: "gated" });
  const close = async () => {
    await sessions.close();
    server.close();
  };
  return { server, url, close };
}
