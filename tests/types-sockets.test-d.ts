// oxlint-disable vitest/expect-expect -- @ts-expect-error asserts, and the compiler checks it
/** The socket of a connection, typed by the adapter. The types of the context have a file of their own. */
import { bindSessions as bindUws } from "@wsession/adapter-uws";
import { bindSessions as bindWs } from "@wsession/adapter-ws";
import { accept, createSessions } from "@wsession/core";
import type { Handlers, HandlersOf } from "@wsession/core";
import type { TemplatedApp, WebSocket as UwsWebSocket } from "uWebSockets.js";
import { describe, expectTypeOf, test } from "vitest";
import type { WebSocket, WebSocketServer } from "ws";

declare const server: WebSocketServer;
declare const app: TemplatedApp;

describe("the socket in handlers", () => {
  const sessions = createSessions({
    admit: ({ url }) => accept({ context: { admin: url === "/admin" } }),
    initial: () => ({ name: "x", visits: 0 }),
  });

  test("is typed by each adapter", () => {
    bindWs(server, sessions, {
      message(connection) {
        connection.socket.ping();
        expectTypeOf(connection.socket).toEqualTypeOf<WebSocket>();
        // @ts-expect-error -- uWebSockets.js has it
        connection.socket.getTopics();
      },
    });
    bindUws(app, "/*", sessions, {
      message(connection) {
        connection.socket.getTopics();
        expectTypeOf(connection.socket).toEqualTypeOf<UwsWebSocket<unknown>>();
      },
    });
  });

  test("handlers in a variable fit every runtime, or the runtime whose socket they name", () => {
    const shared: HandlersOf<typeof sessions> = {
      message(connection) {
        expectTypeOf(connection.socket).toEqualTypeOf<unknown>();
        expectTypeOf(connection.context.admin).toEqualTypeOf<boolean>();
      },
    };
    bindWs(server, sessions, shared);
    bindUws(app, "/*", sessions, shared);
    const forWs: HandlersOf<typeof sessions, WebSocket> = {
      message: (connection) => connection.socket.ping(),
    };
    bindWs(server, sessions, forWs);
    // @ts-expect-error -- made for ws
    bindUws(app, "/*", sessions, forWs);
  });

  test("handlers that name Data alone fit every runtime", () => {
    const general: Handlers<{ name: string; visits: number }> = {
      message: (connection) => connection.send(connection.session?.data.name ?? ""),
    };
    bindWs(server, sessions, general);
    bindUws(app, "/*", sessions, general);
  });
});
