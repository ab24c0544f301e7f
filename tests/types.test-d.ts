// oxlint-disable vitest/expect-expect -- @ts-expect-error asserts, and the compiler checks it
import { bindSessions as bindUws } from "@wsession/adapter-uws";
import { bindSessions as bindWs } from "@wsession/adapter-ws";
import {
  cookieToken,
  createSessions,
  inConnectionStore,
  mapStore,
  protocolToken,
  queryToken,
} from "@wsession/core";
import type {
  Handlers,
  HandlersOf,
  Session,
  Sessions,
  SessionsOptions,
  SessionStore,
  StandardSchemaV1,
  TokenCarrier,
} from "@wsession/core";
import type { TemplatedApp } from "uWebSockets.js";
import { describe, expectTypeOf, test } from "vitest";
import type { WebSocketServer } from "ws";
import { z } from "zod";

interface Visitor {
  user: string;
  visits: number;
  note?: string;
}

declare const server: WebSocketServer;

declare const app: TemplatedApp;

describe("inference", () => {
  test("Data comes from initial, sync or async, whatever the store is", () => {
    const inferred = createSessions({ store: mapStore(), initial: async () => ({ user: "me", visits: 0 }) });
    expectTypeOf(inferred).toEqualTypeOf<Sessions<{ user: string; visits: number }, unknown, never>>();
    const sync = createSessions({ store: inConnectionStore(), initial: () => ({ n: 1 }) });
    expectTypeOf(sync).toEqualTypeOf<Sessions<{ n: number }, unknown, never>>();
    expectTypeOf(mapStore()).toExtend<SessionStore>();
  });

  test("Data is given where there is no initial", () => {
    const given = createSessions<Visitor>({ store: mapStore() });
    expectTypeOf(given).toEqualTypeOf<Sessions<Visitor>>();
    expectTypeOf(createSessions<Visitor>()).toEqualTypeOf<Sessions<Visitor>>();
  });

  test("Data comes from the schema where there is one, and initial is held to it", () => {
    const schema = z.object({ user: z.string(), nick: z.string().optional() });
    type Data = z.output<typeof schema>;
    const sessions = createSessions({ schema, initial: () => ({ user: "x" }) });
    expectTypeOf(sessions).toEqualTypeOf<Sessions<Data, unknown, never>>();
    void sessions.create({ user: "x", nick: "n" });
    const asynchronous = createSessions({ initial: async ({ url }) => ({ user: url }), schema });
    expectTypeOf(asynchronous).toEqualTypeOf<Sessions<Data, unknown, never>>();
    const without = createSessions({ schema });
    expectTypeOf(without).toEqualTypeOf<Sessions<Data>>();
    const transport = () => 1;
    const withTransport = createSessions({ schema, transport, initial: () => ({ user: "x" }) });
    expectTypeOf(withTransport).toEqualTypeOf<Sessions<Data, number, never>>();
    // @ts-expect-error -- user is missing
    void createSessions({ schema, initial: () => ({ nick: "n" }) });
    // @ts-expect-error -- a wrong type
    void createSessions({ schema, initial: () => ({ user: 1 }) });
  });

  test("literals, tuples and empty lists in initial are those of the schema, however deep", () => {
    const schema = z.object({
      role: z.enum(["a", "b"]),
      cart: z.array(z.string()),
      at: z.tuple([z.number(), z.number()]),
      more: z.object({ kind: z.literal(1), roles: z.array(z.enum(["a", "b"])), on: z.literal(true) }),
    });
    type Data = z.output<typeof schema>;
    type Expected = Sessions<Data, unknown, never>;
    const sync = createSessions({
      schema,
      initial: () => ({ role: "a", cart: [], at: [1, 2], more: { kind: 1, roles: ["a"], on: true } }),
    });
    expectTypeOf(sync).toEqualTypeOf<Expected>();
    const asynchronous = createSessions({
      initial: async () => ({ role: "a", cart: [], at: [1, 2], more: { kind: 1, roles: [], on: true } }),
      schema,
    });
    expectTypeOf(asynchronous).toEqualTypeOf<Expected>();
    const more = { kind: 1 as const, roles: [], on: true as const };
    const ofHandshake = createSessions({
      initial: ({ url }) => ({ role: url === "/a" ? "a" : "b", cart: [], at: [1, 2], more }),
      schema,
    });
    expectTypeOf(ofHandshake).toEqualTypeOf<Expected>();
    const inline = createSessions({
      initial: () => ({ role: "a", cart: [] }),
      schema: z.object({ role: z.enum(["a", "b"]), cart: z.array(z.string()) }),
    });
    expectTypeOf(inline).toEqualTypeOf<Sessions<{ role: "a" | "b"; cart: string[] }, unknown, never>>();
    const { role, cart } = schema.shape;
    // @ts-expect-error -- no such role
    void createSessions({ schema: z.object({ role, cart }), initial: () => ({ role: "c", cart: [] }) });
  });

  test("without a schema, literals in initial are not Data's only values", () => {
    const sessions = createSessions({
      initial: () => ({ user: "x", n: 0, on: true, kind: "a" as "a" | "b", list: [1, 2], in: { n: 1 } }),
    });
    type Data = { user: string; n: number; on: boolean; kind: "a" | "b"; list: number[]; in: { n: number } };
    expectTypeOf(sessions).toEqualTypeOf<Sessions<Data, unknown, never>>();
    const withUndefined = createSessions({ schema: undefined, initial: ({ url }) => ({ url, n: 1 }) });
    expectTypeOf(withUndefined).toEqualTypeOf<Sessions<{ url: string; n: number }, unknown, never>>();
    const byMethod = createSessions({
      async initial() {
        return { n: 1, list: ["a"] };
      },
    });
    expectTypeOf(byMethod).toEqualTypeOf<Sessions<{ n: number; list: string[] }, unknown, never>>();
  });

  test("a schema that may be absent counts as a schema", () => {
    const schema = undefined as StandardSchemaV1<unknown, Visitor> | undefined;
    const sessions = createSessions({ schema, initial: () => ({ user: "x", visits: 0 }) });
    expectTypeOf(sessions).toEqualTypeOf<Sessions<Visitor, unknown, never>>();
  });

  test("options of a declared type determine Data, and do not promise an initial", () => {
    const options: SessionsOptions<Visitor> = { initial: () => ({ user: "x", visits: 0 }) };
    expectTypeOf(createSessions(options)).toEqualTypeOf<Sessions<Visitor>>();
    expectTypeOf(createSessions<Visitor>(options)).toEqualTypeOf<Sessions<Visitor>>();
    const withTransport = {} as SessionsOptions<Visitor, number>;
    expectTypeOf(createSessions(withTransport)).toEqualTypeOf<Sessions<Visitor, number>>();
    const satisfying = { initial: () => ({ user: "x", visits: 0 }) } satisfies SessionsOptions<Visitor>;
    expectTypeOf(createSessions<Visitor>(satisfying)).toEqualTypeOf<Sessions<Visitor, unknown, never>>();
  });

  test("Transport comes from transport", () => {
    const sessions = createSessions({
      initial: () => ({ n: 0 }),
      transport: ({ url }) => ({ url, openedBy: 1 }),
    });
    expectTypeOf(sessions).toEqualTypeOf<Sessions<{ n: number }, { url: string; openedBy: number }, never>>();
    type Conn = Parameters<NonNullable<HandlersOf<typeof sessions>["message"]>>[0];
    expectTypeOf<Conn["transport"]["data"]>().toEqualTypeOf<{ url: string; openedBy: number }>();
  });

  test("handlers are typed by the sessions, on both runtimes", () => {
    const sessions = createSessions({ initial: () => ({ user: "me", visits: 0 }) });
    bindWs(server, sessions, {
      async message(connection, data) {
        expectTypeOf(data).toEqualTypeOf<string | Uint8Array>();
        expectTypeOf(connection.session.data).toEqualTypeOf<Readonly<{ user: string; visits: number }>>();
        const next = await connection.session.update((before) => ({ ...before, visits: before.visits + 1 }));
        expectTypeOf(next.visits).toBeNumber();
      },
    });
    const handlers: HandlersOf<typeof sessions> = {
      open(connection) {
        expectTypeOf(connection.session).toEqualTypeOf<Session<{ user: string; visits: number }>>();
      },
    };
    bindWs(server, sessions, handlers);
    bindUws(app, "/*", sessions, handlers);
    expectTypeOf<typeof handlers>().toEqualTypeOf<
      Handlers<{ user: string; visits: number }, unknown, never>
    >();
  });
});

describe("without initial there is no session until it is set", () => {
  const sessions = createSessions<Visitor>();

  test("session may be undefined, and a handler has to check that", () => {
    bindWs(server, sessions, {
      async message(connection) {
        expectTypeOf(connection.session).toEqualTypeOf<Session<Visitor> | undefined>();
        // @ts-expect-error -- it may not be set
        void connection.session.data;
        expectTypeOf(await connection.ready()).toEqualTypeOf<Session<Visitor>>();
        expectTypeOf(await connection.setSession({ user: "a", visits: 1 })).toEqualTypeOf<Session<Visitor>>();
      },
    });
  });

  test("with onNoToken: refuse or close every connection has a session", () => {
    const login = { store: mapStore(), token: cookieToken() };
    expectTypeOf(createSessions<Visitor>({ ...login, onNoToken: "refuse" })).toEqualTypeOf<
      Sessions<Visitor, unknown, never>
    >();
    bindWs(server, createSessions<Visitor>({ ...login, onNoToken: "close" }), {
      open: ({ session }) => void session.data.user,
    });
    expectTypeOf(createSessions<Visitor>({ ...login, onNoToken: "fresh" })).toEqualTypeOf<
      Sessions<Visitor, unknown, undefined>
    >();
  });

  test("handlers that rely on initial are refused without it; handlers that check for a session are accepted with it", () => {
    const relying: Handlers<Visitor, unknown, never> = {
      message: (connection) => void connection.session.data.visits,
    };
    // @ts-expect-error -- they rely on a session that may not be there
    bindWs(server, sessions, relying);
    // @ts-expect-error -- on uWebSockets.js likewise
    bindUws(app, "/*", sessions, relying);
    const looking: HandlersOf<typeof sessions> = {
      message: (connection) => void connection.session?.data.visits,
    };
    const withInitial = createSessions({ initial: (): Visitor => ({ user: "me", visits: 0 }) });
    bindWs(server, withInitial, looking);
    bindUws(app, "/*", withInitial, looking);
  });
});

test("the types of carriers list their methods, and a carrier of an application needs only read", () => {
  expectTypeOf(cookieToken().write("token", 1_000)).toEqualTypeOf<readonly ["set-cookie", string]>();
  expectTypeOf(cookieToken().readRenewal).returns.toEqualTypeOf<string | undefined>();
  expectTypeOf(protocolToken().isTokenProtocol("chat")).toEqualTypeOf<boolean>();
  expectTypeOf(queryToken().read).returns.toEqualTypeOf<string | undefined>();
  for (const token of [cookieToken(), protocolToken(), queryToken()]) {
    expectTypeOf(token).toExtend<TokenCarrier>();
    void createSessions({ token, initial: () => ({ n: 0 }) });
  }
  const own: TokenCarrier = { read: ({ headers }) => headers["authorization"] };
  // @ts-expect-error -- it may have none
  void own.write("token", 1_000);
});
