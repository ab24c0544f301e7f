// oxlint-disable vitest/expect-expect -- @ts-expect-error asserts, and the compiler checks it
import { bindSessions as bindWs } from "@wsession/adapter-ws";
import { accept, createSessions, mapStore, reject, unchecked } from "@wsession/core";
import type {
  Admission,
  Connection,
  ConnectionOf,
  Handlers,
  Handshake,
  Session,
  SessionOf,
  Sessions,
  SessionsOptions,
  TransactionOf,
} from "@wsession/core";
import { describe, expectTypeOf, test } from "vitest";
import type { WebSocket, WebSocketServer } from "ws";
import { z } from "zod";

interface Visitor {
  user: string;
  visits: number;
}
interface User {
  name: string;
  admin: boolean;
}

declare const server: WebSocketServer;
declare function whoIs(cookie: string | undefined): Promise<User | undefined>;

const schema = z.object({ role: z.enum(["a", "b"]), at: z.tuple([z.number(), z.number()]) });
type Checked = z.output<typeof schema>;

describe("the context is inferred from admit, over all its branches", () => {
  test("synchronous, asynchronous, and by methods", () => {
    const sync = createSessions({
      admit: ({ headers }) =>
        headers["x"] === undefined ? reject(401) : accept({ context: { user: headers["x"] } }),
      initial: (_handshake, context) => ({ name: context.user, visits: 0 }),
    });
    expectTypeOf(sync).toEqualTypeOf<
      Sessions<{ name: string; visits: number }, unknown, never, { user: string }>
    >();
    const asynchronous = createSessions({
      admit: async ({ headers }) => {
        const user = await whoIs(headers["cookie"]);
        if (user === undefined) return reject(401, "who are you?");
        return accept({ subject: user.name, context: user });
      },
      initial: async (_handshake, context) => ({ name: context.name, visits: 0 }),
    });
    expectTypeOf(asynchronous).toEqualTypeOf<
      Sessions<{ name: string; visits: number }, unknown, never, User>
    >();
    const byMethods = createSessions({
      async admit({ headers }) {
        const user = await whoIs(headers["cookie"]);
        return user === undefined ? reject(401) : accept({ context: user });
      },
      initial(_handshake, context) {
        return { name: context.name };
      },
    });
    expectTypeOf(byMethods).toEqualTypeOf<Sessions<{ name: string }, unknown, never, User>>();
  });

  test("with a schema, above or below", () => {
    const admit = async ({ headers }: Handshake) => {
      const user = await whoIs(headers["cookie"]);
      return user === undefined ? reject(401) : accept({ context: user });
    };
    const above = createSessions({
      schema,
      admit: async ({ headers }) => {
        const user = await whoIs(headers["cookie"]);
        return user === undefined ? reject(401) : accept({ context: user });
      },
      initial: (_handshake, context) => ({ role: context.admin ? "a" : "b", at: [1, 2] }),
    });
    expectTypeOf(above).toEqualTypeOf<Sessions<Checked, unknown, never, User>>();
    const below = createSessions({
      admit: async ({ headers }) => {
        const user = await whoIs(headers["cookie"]);
        return user === undefined ? reject(401) : accept({ context: user });
      },
      initial: async (_handshake, context) => ({ role: context.admin ? "a" : "b", at: [1, 2] }),
      schema,
    });
    expectTypeOf(below).toEqualTypeOf<Sessions<Checked, unknown, never, User>>();
    const withoutInitial = createSessions({ schema, admit });
    expectTypeOf(withoutInitial).toEqualTypeOf<Sessions<Checked, unknown, undefined, User>>();
    const withUnchecked = createSessions({
      schema: unchecked<Visitor>(),
      transport: () => ({ ip: "x" }),
      admit: async ({ headers }) => {
        const user = await whoIs(headers["cookie"]);
        return user === undefined ? reject(401) : accept({ context: user });
      },
    });
    expectTypeOf(withUnchecked).toEqualTypeOf<Sessions<Visitor, { ip: string }, undefined, User>>();
  });

  test("a context that may be undefined, or that a branch leaves out", () => {
    const maybe = createSessions({
      admit: async ({ headers }) => accept({ context: await whoIs(headers["cookie"]) }),
      initial: (_handshake, context) => ({ name: context?.name ?? "stranger" }),
    });
    expectTypeOf(maybe).toEqualTypeOf<Sessions<{ name: string }, unknown, never, User | undefined>>();
    const leftOut = createSessions({
      admit: async ({ headers }) => {
        const user = await whoIs(headers["cookie"]);
        if (user === undefined) return accept();
        return accept({ context: user });
      },
      initial: (_handshake, context) => ({ name: context?.name ?? "stranger" }),
    });
    expectTypeOf(leftOut).toEqualTypeOf<Sessions<{ name: string }, unknown, never, User | undefined>>();
    const sync = createSessions({
      admit: ({ headers }) =>
        headers["x"] === "1" ? accept({ subject: "x" }) : accept({ context: { n: 1 } }),
      initial: (_handshake, context) => ({ n: context?.n ?? 0 }),
    });
    expectTypeOf(sync).toEqualTypeOf<Sessions<{ n: number }, unknown, never, { n: number } | undefined>>();
  });

  test("two contexts of different shapes, and literals", () => {
    const two = createSessions({
      admit: ({ headers }) =>
        headers["x"] === "1"
          ? accept({ context: { type: "user" as const, name: "x" } })
          : accept({ context: { type: "bot" as const, key: 1 } }),
      initial: (_handshake, context) => ({ n: context.type === "user" ? context.name : context.key }),
    });
    expectTypeOf(two).toEqualTypeOf<
      Sessions<
        { n: string | number },
        unknown,
        never,
        { type: "user"; name: string } | { type: "bot"; key: number }
      >
    >();
    const literals = createSessions({
      admit: ({ url }) =>
        accept({
          context: { role: url === "/a" ? "admin" : "user", n: 1, tags: [] as string[], at: [1, 2] },
        }),
      initial: () => ({ n: 1 }),
    });
    expectTypeOf(literals).toEqualTypeOf<
      Sessions<{ n: number }, unknown, never, { role: string; n: number; tags: string[]; at: number[] }>
    >();
    type Who = { role: "admin" | "guest" };
    const declared = createSessions({
      admit: ({ url }) => accept<Who>({ context: { role: url === "/a" ? "admin" : "guest" } }),
      initial: (_handshake, { role }) => ({ role }),
    });
    expectTypeOf(declared).toEqualTypeOf<Sessions<Who, unknown, never, Who>>();
  });

  test("without admit the context is unknown, and without a context undefined", () => {
    const withoutAdmit = createSessions({ initial: () => ({ n: 1 }) });
    expectTypeOf(withoutAdmit).toEqualTypeOf<Sessions<{ n: number }, unknown, never, unknown>>();
    const withoutContext = createSessions({
      admit: () => accept({ subject: "x" }),
      initial: () => ({ n: 1 }),
    });
    expectTypeOf(withoutContext).toEqualTypeOf<Sessions<{ n: number }, unknown, never, undefined>>();
    const inOneBranch = createSessions({
      admit: ({ url }) => (url === "/" ? accept() : reject(404)),
      initial: ({ url }) => ({ url }),
    });
    expectTypeOf(inOneBranch).toEqualTypeOf<Sessions<{ url: string }, unknown, never, undefined>>();
    const nobody = createSessions({ admit: () => reject(404), initial: ({ url }) => ({ url }) });
    expectTypeOf(nobody).toEqualTypeOf<Sessions<{ url: string }, unknown, never, never>>();
  });

  test("an admission that is made by hand, or declared, as in 0.1", () => {
    const byHand = createSessions({ admit: () => ({ type: "accept" }), initial: ({ url }) => ({ url }) });
    expectTypeOf(byHand).toEqualTypeOf<Sessions<{ url: string }, unknown, never, unknown>>();
    const declared = createSessions({
      admit: (): Admission => accept({ subject: "x" }),
      initial: ({ url }) => ({ url }),
    });
    expectTypeOf(declared).toEqualTypeOf<Sessions<{ url: string }, unknown, never, unknown>>();
  });

  test("admit below initial, where initial needs no context, or admit no inference", () => {
    const below = createSessions({
      initial: ({ url }) => ({ name: url, visits: 0 }),
      admit: ({ headers }) =>
        headers["x"] === undefined ? reject(401) : accept({ context: { user: headers["x"] } }),
    });
    type Expected = Sessions<{ name: string; visits: number }, unknown, never, { user: string }>;
    expectTypeOf(below).toEqualTypeOf<Expected>();
    const withoutParameters = createSessions({
      initial: (_handshake, context) => ({ name: context.user, visits: 0 }),
      admit: () => accept({ context: { user: "x" } }),
    });
    expectTypeOf(withoutParameters).toEqualTypeOf<Expected>();
    async function enter({ headers }: Handshake) {
      const user = await whoIs(headers["cookie"]);
      return user === undefined ? reject(401) : accept({ context: user });
    }
    const byName = createSessions({ initial: (_handshake, { name }) => ({ name }), admit: enter });
    expectTypeOf(byName).toEqualTypeOf<Sessions<{ name: string }, unknown, never, User>>();
  });

  test("options of a declared type, and Data alone given", () => {
    const declared: SessionsOptions<Visitor, number, { user: string }> = {
      admit: () => accept({ context: { user: "x" } }),
      initial: (_handshake, context) => ({ user: context.user, visits: 0 }),
      transport: () => 1,
    };
    expectTypeOf(createSessions(declared)).toEqualTypeOf<
      Sessions<Visitor, number, undefined, { user: string }>
    >();
    const satisfying = {
      admit: () => accept({ context: { user: "x" } }),
      initial: () => ({ user: "x", visits: 0 }),
    } satisfies SessionsOptions<Visitor>;
    expectTypeOf(createSessions(satisfying)).toEqualTypeOf<
      Sessions<{ user: string; visits: number }, unknown, never, { user: string }>
    >();
    expectTypeOf(createSessions<Visitor, unknown, Admission<{ user: string }>>(satisfying)).toEqualTypeOf<
      Sessions<Visitor, unknown, never, { user: string }>
    >();
    expectTypeOf(createSessions<Visitor>({ admit: () => accept({ context: 1 }) })).toEqualTypeOf<
      Sessions<Visitor>
    >();
  });

  test("a context of the type any stays any", () => {
    const loose = createSessions({
      admit: ({ url }) => accept({ context: JSON.parse(url) }),
      initial: (_handshake, context) => ({ n: Number(context.a.b) }),
    });
    expectTypeOf<ConnectionOf<typeof loose>["context"]>().toBeAny();
  });
});

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
