// oxlint-disable vitest/expect-expect -- @ts-expect-error asserts, and the compiler checks it
import { accept, createSessions, reject, unchecked } from "@wsession/core";
import type { Admission, ConnectionOf, Handshake, Sessions, SessionsOptions } from "@wsession/core";
import { describe, expectTypeOf, test } from "vitest";
import { z } from "zod";

interface Visitor {
  user: string;
  visits: number;
}

interface User {
  name: string;
  admin: boolean;
}

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
