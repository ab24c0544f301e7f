// oxlint-disable vitest/expect-expect -- @ts-expect-error asserts, and the compiler checks it
import { bindSessions as bindWs } from "@wsession/adapter-ws";
import { accept, createSessions, reject } from "@wsession/core";
import type {
  Connection,
  ConnectionOf,
  Handlers,
  Session,
  SessionOf,
  Sessions,
  TransactionOf,
} from "@wsession/core";
import { describe, expectTypeOf, test } from "vitest";
import type { WebSocket, WebSocketServer } from "ws";
import { z } from "zod";

interface User {
  name: string;
  admin: boolean;
}

declare const server: WebSocketServer;

declare function whoIs(cookie: string | undefined): Promise<User | undefined>;

const schema = z.object({ role: z.enum(["a", "b"]), at: z.tuple([z.number(), z.number()]) });

type Checked = z.output<typeof schema>;

describe("context, transport and socket in handlers", () => {
  const sessions = createSessions({
    admit: async ({ headers }, found) => {
      expectTypeOf(found).toBeUnknown();
      const user = await whoIs(headers["cookie"]);
      return user === undefined ? reject(401, "no") : accept({ context: user });
    },
    transport: ({ url }, found) => ({ url, found }),
    initial: (_handshake, context) => ({ name: context.name, visits: 0 }),
    heartbeatMs: 1,
  });
  type Data = { name: string; visits: number };
  type Lower = { url: string; found: unknown };

  test("the sessions have all of them", () => {
    expectTypeOf(sessions).toEqualTypeOf<Sessions<Data, Lower, never, User>>();
    expectTypeOf<ConnectionOf<typeof sessions>>().toEqualTypeOf<Connection<Data, Lower, never, User>>();
    expectTypeOf<SessionOf<typeof sessions>>().toEqualTypeOf<Session<Data, Lower, User>>();
    expectTypeOf<TransactionOf<typeof sessions>["connection"]["session"]>().toEqualTypeOf<
      SessionOf<typeof sessions>
    >();
    const withoutInitial = createSessions({ schema, admit: () => accept({ context: 1 }) });
    expectTypeOf<SessionOf<typeof withoutInitial>>().toEqualTypeOf<Session<Checked, unknown, number>>();
  });

  test("the adapter types the socket, and session.connections are whole", () => {
    bindWs(server, sessions, {
      open(connection, handshake) {
        expectTypeOf(connection.context).toEqualTypeOf<User>();
        connection.context = { name: "y", admin: false };
        connection.context.admin = true;
        expectTypeOf(handshake.url).toEqualTypeOf<string>();
        expectTypeOf(connection.transport.data.url).toEqualTypeOf<string>();
        expectTypeOf(connection.socket).toEqualTypeOf<WebSocket>();
        connection.socket.ping();
        for (const other of connection.session.connections) {
          expectTypeOf(other.context.admin).toEqualTypeOf<boolean>();
          expectTypeOf(other.session.data.visits).toEqualTypeOf<number>();
          expectTypeOf(other.transport.data.url).toEqualTypeOf<string>();
          expectTypeOf(other.socket).toEqualTypeOf<unknown>();
        }
      },
      transaction(tx, data) {
        expectTypeOf(tx.connection.context).toEqualTypeOf<User>();
        expectTypeOf(tx.data.visits).toEqualTypeOf<number>();
        expectTypeOf(tx.connection.socket).toEqualTypeOf<WebSocket>();
        expectTypeOf(data).toEqualTypeOf<string | Uint8Array>();
      },
    });
    const socket = {} as WebSocket;
    expectTypeOf(sessions.of(socket)).toEqualTypeOf<
      Connection<Data, Lower, never, User, WebSocket> | undefined
    >();
  });

  test("helpers that name Data alone take connections, sessions and handlers of every context", () => {
    const greet = (connection: Connection<{ name: string }>) =>
      connection.send(connection.session?.data.name ?? "");
    const show = (session: Session<{ name: string }>) => session.data.name;
    const destroy = (all: Sessions<Data>) => all.destroy("x");
    bindWs(server, sessions, {
      open(connection) {
        greet(connection);
        show(connection.session);
      },
    });
    void destroy(sessions);
    const general: Handlers<Data> = {
      message: (connection) => connection.send(connection.session?.data.name ?? ""),
    };
    bindWs(server, sessions, general);
  });
});
