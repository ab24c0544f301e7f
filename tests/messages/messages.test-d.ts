// oxlint-disable vitest/expect-expect -- @ts-expect-error asserts, and the compiler checks it
import { bindSessions } from "@wsession/adapter-ws";
import { createSessions } from "@wsession/core";
import type { Connection, SendOptions, SendOutcome, Sent } from "@wsession/core";
import { isTransactionRefused } from "@wsession/protocol";
import { defineMessages } from "@wsession/protocol/messages";
import type { ClientLike, MessageHandlersOf, SessionsLike } from "@wsession/protocol/messages";
import { describe, expectTypeOf, test } from "vitest";
import type { WebSocketServer } from "ws";
import { z } from "zod";
import { messages } from "./definition.ts";

interface Visitor {
  user: string;
  highest: number;
}

/** Transactions by their shape: what `TransactionOf` finds in the handlers that sessions are bound with. */
interface Transaction {
  readonly id: string;
  readonly connection: Connection<Visitor, unknown, never>;
  readonly data: Readonly<Visitor>;
  patch(fields: Partial<Visitor>): void;
  send(message: string | Uint8Array, options?: SendOptions): void;
  after(effect: () => unknown): void;
}

interface TransactionSessions extends SessionsLike {
  readonly connections: Iterable<Connection<Visitor, unknown, never>>;
  bind(
    runtime: object,
    handlers: {
      readonly open?: ((connection: object) => unknown) | undefined;
      readonly transaction?: ((transaction: Transaction, data: string | Uint8Array) => unknown) | undefined;
    },
  ): unknown;
}

interface Session {
  readonly id: string;
  readonly connections: Iterable<object>;
  send(message: string | Uint8Array, options?: SendOptions): Promise<Sent>;
}

declare const server: WebSocketServer;
declare const withTransactions: TransactionSessions;
declare const conn: Connection<Visitor>;
declare const session: Session;
declare const clientLike: ClientLike;
const sessions = createSessions({ initial: () => ({ user: "x", highest: 0 }) });
const plain = { leave() {}, typing() {}, ping() {}, bye() {} };

describe("handlers", () => {
  test("get the output of the schema, a connection of the sessions, or a transaction", () => {
    messages.handlers(withTransactions, {
      bid: {
        transaction(tx, payload) {
          expectTypeOf(payload).toEqualTypeOf<{ amount: number; lot: string }>();
          expectTypeOf(tx).toEqualTypeOf<Transaction>();
          if (payload.amount <= tx.data.highest) throw messages.refuse.outbid({ highest: tx.data.highest });
          expectTypeOf(
            messages.to(tx).sold({ lot: payload.lot, price: payload.amount }, { key: "sold" }),
          ).toEqualTypeOf<void>();
        },
      },
      leave(connection, payload) {
        expectTypeOf(payload).toEqualTypeOf<{ reason: number }>();
        expectTypeOf(connection.session.data.highest).toEqualTypeOf<number>();
      },
      typing: (_, payload) => expectTypeOf(payload).toEqualTypeOf<{ on: boolean; at?: number }>(),
      ping: (_, { n }) => expectTypeOf(n).toEqualTypeOf<number>(),
      bye: (connection) => connection.close(),
    });
  });

  test("fit bindSessions, alone and among others", () => {
    const typed = messages.handlers(sessions, {
      ...plain,
      bid(connection, { amount }) {
        expectTypeOf(amount).toEqualTypeOf<number>();
        expectTypeOf(connection).toEqualTypeOf<Connection<Visitor, unknown, never>>();
      },
    });
    bindSessions(server, sessions, typed);
    bindSessions(server, sessions, { open: (connection) => connection.send("welcome"), ...typed });
  });

  test("without initial the session may be missing", () => {
    messages.handlers(createSessions<Visitor>(), {
      ...plain,
      bid(connection) {
        // @ts-expect-error -- it may not be set
        void connection.session.data;
      },
    });
  });

  test("may stand in files of their own", () => {
    type All = MessageHandlersOf<typeof messages, typeof withTransactions>;
    const bids: Pick<All, "bid"> = {
      bid: { transaction: (tx, { amount }) => tx.patch({ highest: amount }) },
    };
    const chat: Omit<All, "bid"> = plain;
    messages.handlers(withTransactions, { ...bids, ...chat });
  });

  test("are refused if they are missing, superfluous, or read an unknown member", () => {
    // @ts-expect-error -- 'typing' and 'ping' are missing
    messages.handlers(withTransactions, { bid: { transaction() {} }, leave() {}, bye() {} });
    messages.handlers(withTransactions, {
      bid: { transaction() {} },
      ...plain,
      // @ts-expect-error -- no such message
      bidd() {},
    });
    messages.handlers(withTransactions, {
      ...plain,
      // @ts-expect-error -- no such field
      bid: { transaction: (_tx, { amuont }) => amuont },
      leave(_, { reason }) {
        // @ts-expect-error -- a number, after the schema's transform
        void reason.length;
      },
    });
  });
});

describe("senders", () => {
  test("take the input of the schema, and the options of the target, and give its answer", () => {
    expectTypeOf(messages.to(conn).sold).toEqualTypeOf<
      (payload: { lot: string; price: number }) => SendOutcome
    >();
    expectTypeOf(messages.to(session).sold).toEqualTypeOf<
      (payload: { lot: string; price: number }, options?: SendOptions) => Promise<Sent>
    >();
    expectTypeOf(messages.toSession(withTransactions, "id").closed).toEqualTypeOf<
      (payload: { at: string }, options?: SendOptions) => Promise<Sent | undefined>
    >();
    expectTypeOf(
      messages.toSubject(withTransactions, "ann").sold({ lot: "a", price: 2 }, { ttlMs: 1 }),
    ).resolves.toEqualTypeOf<{ readonly sessions: number; readonly failed: number }>();
  });

  test("refuse names and payloads that are misspelt, of a wrong type, missing, superfluous, or of the other direction", () => {
    // @ts-expect-error -- misspelt
    void messages.to(conn).sodl({ lot: "a", price: 1 });
    // @ts-expect-error -- a wrong type
    messages.to(conn).sold({ lot: "a", price: "1" });
    // @ts-expect-error -- missing
    void messages.to(session).sold({ lot: "a" });
    // @ts-expect-error -- superfluous
    void messages.to(session).sold({ lot: "a", price: 1, to: "x" });
    // @ts-expect-error -- conn.send takes no options
    messages.to(conn).sold({ lot: "a", price: 1 }, { key: "x" });
    // @ts-expect-error -- to which session?
    void messages.to(withTransactions).sold({ lot: "a", price: 1 });
    // @ts-expect-error -- what the client sends is not sent to it
    void messages.to(conn).bid({ amount: "1" });
  });
});

describe("refusals", () => {
  test("are made and distinguished by name", () => {
    void messages.refuse.gone();
    const error: unknown = messages.refuse.outbid({ highest: 1 });
    if (messages.isRefused(error, "outbid")) expectTypeOf(error.detail.highest).toEqualTypeOf<number>();
    if (isTransactionRefused(error, "closed")) expectTypeOf(error.code).toEqualTypeOf<"closed">();
    if (isTransactionRefused(error)) {
      expectTypeOf(error.code).toEqualTypeOf<string>();
      expectTypeOf(error.detail).toEqualTypeOf<unknown>();
    }
  });

  test("are refused with an unknown name or a wrong type", () => {
    // @ts-expect-error -- no such refusal
    void messages.refuse.late?.({ highest: 1 });
    // @ts-expect-error -- a wrong type
    void messages.refuse.outbid({ highest: "1" });
    // @ts-expect-error -- no such refusal
    messages.isRefused(new Error("x"), "late");
  });
});

describe("a client", () => {
  const page = messages.client(clientLike);

  test("sends the input of the schema, and receives its output", () => {
    expectTypeOf(page.send.bid).toEqualTypeOf<
      (payload: { amount: string; lot?: string | undefined }) => Promise<void>
    >();
    expectTypeOf(page.sendNow.typing).toEqualTypeOf<(payload: { on: boolean; at?: string }) => boolean>();
    expectTypeOf(page.send.bye).toEqualTypeOf<(payload?: void) => Promise<void>>();
    const off = page.on.sold((payload, { replayed }) => {
      expectTypeOf(payload).toEqualTypeOf<{ lot: string; price: string }>();
      expectTypeOf(replayed).toEqualTypeOf<boolean>();
    });
    expectTypeOf(off).toEqualTypeOf<() => void>();
    page.on.closed(({ at }) => expectTypeOf(at).toEqualTypeOf<Date>());
    page.onInvalid(({ name, data }) => {
      expectTypeOf(name).toEqualTypeOf<string | undefined>();
      expectTypeOf(data).toEqualTypeOf<string | Uint8Array>();
    });
  });

  test("refuses the output of the schema, a misspelt name, and an object that is not a client", () => {
    // @ts-expect-error -- the input of the schema is a string
    void page.send.bid({ amount: 1 });
    // @ts-expect-error -- misspelt
    void page.on.sodl(() => undefined);
    // @ts-expect-error -- a server's own
    void messages.client(withTransactions);
  });
});

test("an object that is not a definition is refused", () => {
  // @ts-expect-error -- not a schema
  defineMessages({ toServer: { bid: { amount: "number" } } });
  // @ts-expect-error -- no such direction
  defineMessages({ toSever: { bid: z.string() } });
  // oxlint-disable-next-line unicorn/no-thenable -- it is what has to be refused
  const thenable = { then: z.string() };
  // @ts-expect-error -- who awaits messages.to(conn) would call it
  defineMessages({ toClient: thenable });
});
