// oxlint-disable vitest/expect-expect -- @ts-expect-error asserts, and the compiler checks it
import { bindSessions as bindWs } from "@wsession/adapter-ws";
import { createSessions } from "@wsession/core";
import type { Connection, Session } from "@wsession/core";
import { describe, expectTypeOf, test } from "vitest";
import type { WebSocketServer } from "ws";
import { z } from "zod";

interface Visitor {
  user: string;
  visits: number;
  note?: string;
}

declare const server: WebSocketServer;

describe("mistakes are refused", () => {
  const session = {} as Session<Visitor>;

  test("patch refuses a field that is misspelt, has a wrong type, or is removed although it is required", () => {
    expectTypeOf(session.patch).toBeCallableWith({ visits: 1 });
    expectTypeOf(session.patch).toBeCallableWith({ note: undefined });
    expectTypeOf(session.patch).toBeCallableWith({});
    // @ts-expect-error -- misspelt
    void session.patch({ visit: 1 });
    // @ts-expect-error -- a wrong type
    void session.patch({ visits: "1" });
    // @ts-expect-error -- required, so it can't be removed
    void session.patch({ user: undefined });
  });

  test("data is readonly", () => {
    // @ts-expect-error -- read-only
    session.data.visits = 1;
    // @ts-expect-error -- read-only
    session.data = { user: "a", visits: 1 };
    // @ts-expect-error -- read-only
    delete session.data.note;
    expectTypeOf(session.data).toEqualTypeOf<Readonly<Visitor>>();
  });

  test("data with a type that is readonly at each level can't be changed in place at any level, and can be written", async () => {
    interface Cart {
      readonly items: readonly string[];
      readonly address: { readonly city: string };
    }
    const cart = {} as Session<Cart>;
    // @ts-expect-error -- read-only
    cart.data.items.push("pear");
    // @ts-expect-error -- read-only
    cart.data.address.city = "Rome";
    await cart.update((data) => ({ ...data, items: [...data.items, "pear"] }));
    await cart.patch({ items: [...cart.data.items, "pear"] });
    // A type with lists that may be changed works too. A library that made its lists readonly would break this line.
    const open = {} as Session<{ items: string[]; name: string }>;
    await open.update((data) => ({ ...data, name: "x" }));
  });

  test("set and setSession take all of the data, update returns all of it and is synchronous", () => {
    // @ts-expect-error -- visits is missing
    void session.set({ user: "a" });
    const connection = {} as Connection<Visitor>;
    // @ts-expect-error -- visits is missing
    void connection.setSession({ user: "a" });
    // @ts-expect-error -- a part of it
    void session.update(() => ({ visits: 1 }));
    // @ts-expect-error -- a promise
    void session.update(async (data) => data);
  });

  test("the session of a connection is set by setSession alone", () => {
    const connection = {} as Connection<Visitor>;
    // @ts-expect-error -- read-only
    connection.session = session;
    connection.transport.data = "the lower layer's own";
  });

  test("Data is an object", () => {
    // @ts-expect-error -- a string has no fields
    void createSessions({ initial: () => "text" });
    // @ts-expect-error -- nor has a number
    void createSessions<number>();
  });

  test("a handler may return anything: only a promise has an effect", () => {
    bindWs(server, createSessions<Visitor>(), {
      open: (connection) => connection.send("welcome"),
      message: (connection, text) => connection.send(text),
      close: async () => 1,
    });
  });

  test("unknown options and handlers", () => {
    // @ts-expect-error -- misspelt
    void createSessions({ initial: () => ({ n: 0 }), idleMS: 1 });
    // @ts-expect-error -- misspelt
    bindWs(server, createSessions<Visitor>(), { onMessage: () => undefined });
  });

  test("the error stands at the option that is wrong, not at initial", () => {
    void createSessions({
      initial: () => ({ n: 0 }),
      // @ts-expect-error -- misspelt
      idelMs: 1,
    });
    void createSessions({
      initial: () => ({ n: 0 }),
      // @ts-expect-error -- a wrong value
      gate: "opn",
    });
    void createSessions({
      schema: z.object({ n: z.number() }),
      initial: ({ url }) => ({ n: url.length }),
      // @ts-expect-error -- a wrong type
      heartbeatMs: "1",
    });
    void createSessions<Visitor>({
      initial: () => ({ user: "x", visits: 0 }),
      // @ts-expect-error -- misspelt
      idelMs: 1,
    });
    void createSessions({
      // @ts-expect-error -- a string has no fields
      initial: () => "text",
      idleMs: 1,
    });
  });
});
