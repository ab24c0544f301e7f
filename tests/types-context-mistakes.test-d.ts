// oxlint-disable vitest/expect-expect -- @ts-expect-error asserts, and the compiler checks it
import { bindSessions as bindWs } from "@wsession/adapter-ws";
import { accept, createSessions, mapStore, reject } from "@wsession/core";
import type { Handlers, SessionsOptions } from "@wsession/core";
import { describe, test } from "vitest";
import type { WebSocketServer } from "ws";
import { z } from "zod";

interface Visitor {
  user: string;
  visits: number;
}

declare const server: WebSocketServer;

describe("mistakes about the context are refused", () => {
  const sessions = createSessions({
    admit: ({ url }) => accept({ context: { url } }),
    initial: () => ({ user: "x", visits: 0 }),
  });

  test("in initial", () => {
    createSessions({
      // @ts-expect-error -- Property 'user' does not exist on type 'WriteAdmitAboveInitial'
      initial: (_handshake, context) => ({ name: context.user }),
      admit: ({ url }) => accept({ context: { user: url } }),
    });
    createSessions({
      // @ts-expect-error -- there is no admit
      initial: (_handshake, context) => ({ name: context.user }),
    });
    createSessions({
      admit: ({ url }) => accept({ context: { user: url } }),
      // @ts-expect-error -- misspelt
      initial: (_handshake, context) => ({ name: context.usr }),
    });
    createSessions({
      admit: async ({ url }) => (url === "/" ? accept() : accept({ context: { user: url } })),
      // @ts-expect-error -- one branch gives none
      initial: (_handshake, context) => ({ name: context.user }),
    });
    createSessions({
      admit: () => accept({ context: { user: "x" } }),
      // @ts-expect-error -- an annotation that is not what accept was given
      initial: (_handshake, context: { user: number }) => ({ n: context.user }),
    });
    createSessions({
      // @ts-expect-error -- an annotation, but no admit
      initial: (_handshake, context: { user: string }) => ({ n: context.user }),
    });
    createSessions({
      admit: ({ url }) => accept({ context: url }),
      schema: z.object({ n: z.number() }),
      // @ts-expect-error -- not what the schema lets through
      initial: (_handshake, context) => ({ n: context }),
    });
  });

  test("in admit, and beside it", () => {
    createSessions({
      // @ts-expect-error -- a boolean is no admission
      admit: ({ url }) => url === "/",
      initial: () => ({ n: 1 }),
    });
    createSessions({
      // @ts-expect-error -- a branch that returns nothing
      // oxlint-disable-next-line typescript/consistent-return -- the mistake
      admit: async ({ url }) => {
        if (url === "/") return accept({ context: { url } });
      },
      initial: () => ({ n: 1 }),
    });
    createSessions({
      // @ts-expect-error -- misspelt
      admit: () => accept({ subjet: "x" }),
      initial: () => ({ n: 1 }),
    });
    createSessions({
      // @ts-expect-error -- misspelt, beside a context
      admit: () => accept({ context: 1, subjet: "x" }),
      initial: () => ({ n: 1 }),
    });
    createSessions({
      initial: () => ({ n: 1 }),
      admit: () => reject(401),
      // @ts-expect-error -- misspelt
      heartbeatMS: 1,
    });
    createSessions({
      admit: ({ url }) => accept({ context: url }),
      initial: () => ({ n: 1 }),
      // @ts-expect-error -- a wrong value
      onBadToken: "kick",
    });
    const options = { store: mapStore() } as SessionsOptions<Visitor, number, { user: string }>;
    // @ts-expect-error -- Data by hand: then the rest is not inferred
    createSessions<Visitor>(options);
  });

  test("in handlers", () => {
    bindWs(server, sessions, {
      open(connection) {
        // @ts-expect-error -- misspelt
        void connection.context.ulr;
        // @ts-expect-error -- uWebSockets.js has it
        connection.socket.getTopics();
        // @ts-expect-error -- of another type
        connection.context = { url: 1 };
        // @ts-expect-error -- the socket is typed in the handlers of its runtime alone
        for (const other of connection.session.connections) other.socket.ping();
      },
    });
    type Wider = { url: string; admin: boolean };
    const relying: Handlers<{ user: string; visits: number }, unknown, never, Wider> = {
      open: (connection) => connection.context.admin,
    };
    // @ts-expect-error -- relies on a context that accept is not given
    bindWs(server, sessions, relying);
  });
});
