import { createRequire } from "node:module";
import { asWebSocket } from "@wsession/adapter-ws";
import { createSessions, mapStore } from "@wsession/core";
import { CloseCode, createClient, makeServer } from "graphql-ws";
import { expect, onTestFinished, test } from "vitest";
import { WebSocket } from "ws";
import { runtimeNames, serve } from "../runtimes.ts";

// vite would load another copy of the module than graphql-ws does.
const { buildSchema } = createRequire(import.meta.url)("graphql") as typeof import("graphql");
const schema = buildSchema("type Query { me: String } type Subscription { count(to: Int!): String }");

test.each(runtimeNames)(
  "I1 I2 I4 makeServer of graphql-ws on a connection of %s: the client may send before the session is set, and gets the close code",
  async (runtime) => {
    const closed: number[] = [];
    const sessions = createSessions<{ user: string }>({ store: mapStore() });
    const graphql = makeServer<Record<string, unknown>, { user: string | undefined }>({
      schema,
      context: ({ extra }) => ({ user: extra.user }),
      roots: {
        query: { me: (_: unknown, { user }: { user: string }) => user },
        subscription: {
          async *count({ to }: { to: number }, { user }: { user: string }) {
            for (let n = 1; n <= to; n += 1) yield { count: `${user} ${n}` };
          },
        },
      },
    });
    const server = await serve(runtime, sessions, {
      async open(connection) {
        // The client has sent its ConnectionInit long before this.
        await new Promise((resolve) => {
          setTimeout(resolve, 20);
        });
        const { data } = await connection.setSession({ user: "ada" });
        const socket = asWebSocket(connection);
        const ended = graphql.opened(
          {
            protocol: socket.protocol,
            send: (text) =>
              new Promise((resolve, reject) => {
                socket.send(text, (error) => (error === undefined ? resolve() : reject(error)));
              }),
            close: (code, reason) => socket.close(code, reason),
            onMessage: (listener) => {
              socket.on("message", (text) => void listener(String(text)));
            },
          },
          { user: data.user },
        );
        socket.once("close", (code, reason) => {
          closed.push(code);
          void ended(code, String(reason));
        });
      },
    });
    const client = createClient({
      url: `ws://127.0.0.1:${server.port}/`,
      webSocketImpl: WebSocket,
      lazy: false,
      retryAttempts: 0,
      onNonLazyError: () => undefined,
    });
    onTestFinished(() => client.dispose());
    const results: unknown[] = [];
    for await (const { data } of client.iterate({ query: "subscription { count(to: 2) }" }))
      results.push(data);
    for await (const { data } of client.iterate({ query: "{ me }" })) results.push(data);
    expect(results).toEqual([{ count: "ada 1" }, { count: "ada 2" }, { me: "ada" }]);
    const gone = new Promise((resolve) => {
      client.on("closed", resolve);
    });
    await sessions.close({ code: CloseCode.Forbidden });
    await gone;
    expect(closed).toEqual([4403]);
  },
);
