import { isTransactionRefused, unchecked } from "@wsession/protocol";
import { defineMessages } from "@wsession/protocol/messages";
import type { SessionsLike } from "@wsession/protocol/messages";
import { describe, expect, test } from "vitest";
import { digits, heldSchema, settled } from "./schemas.ts";

interface Conn {
  readonly id: string;
}

interface Tx {
  readonly connection: Conn;
}

interface TestSessions extends SessionsLike {
  readonly connections: Iterable<Conn>;
  bind(
    runtime: object,
    handlers: {
      readonly open?: ((connection: Conn) => unknown) | undefined;
      readonly transaction?: ((transaction: Tx, data: string | Uint8Array) => unknown) | undefined;
    },
  ): unknown;
}

const sessions: TestSessions = {
  connections: [],
  send: async () => undefined,
  sendToSubject: async () => ({ sessions: 0, failed: 0 }),
  bind: () => undefined,
};
const conn: Conn = { id: "c-1" };
const tx: Tx = { connection: conn };

const messages = defineMessages({
  toServer: { bid: digits, bye: unchecked<undefined>() },
  refusals: { outbid: unchecked<{ highest: number }>() },
});

/** What calling a handler with a message threw. */
function thrownBy(call: () => unknown): unknown {
  try {
    call();
  } catch (error) {
    return error;
  }
  return expect.fail("nothing was thrown");
}

describe("handlers", () => {
  test("get the schema's output for the payload, and return the handler's result", () => {
    const { message, ...more } = messages.handlers(sessions, {
      bid: (connection, amount) => [connection.id, amount],
      bye: (_, payload) => payload,
    });
    expect(message(conn, '["bid","40"]')).toEqual(["c-1", 40]);
    expect(message(conn, '["bye"]')).toBeUndefined();
    expect(more).toEqual({});
  });

  const invalid = [
    ["no JSON", "bid 40", "the received message is not a JSON text"],
    ["binary", new Uint8Array([1]), "the received message is not a JSON text"],
    ["an object", '{"name":"bid"}', "the received message is not a JSON text"],
    ["an empty list", "[]", "the received message is not a JSON text"],
    ["more than two parts", '["bid","40",1]', "the received message is not a JSON text"],
    ["a name that is no text", '[1,"40"]', "the received message is not a JSON text"],
    ["nothing", "", "the received message is not a JSON text"],
    ["deep nesting", "[".repeat(100_000), "the received message is not a JSON text"],
    ["an unknown name", '["secret","40"]', "the received message has a name that is not defined"],
    ["__proto__", '["__proto__","40"]', "the received message has a name that is not defined"],
    ["constructor", '["constructor","40"]', "the received message has a name that is not defined"],
    ["toString", '["toString","40"]', "the received message has a name that is not defined"],
    ["then", '["then","40"]', "the received message has a name that is not defined"],
    ["hasOwnProperty", '["hasOwnProperty"]', "the received message has a name that is not defined"],
    ["a payload that its schema refuses", '["bid","secret"]', "bid does not satisfy its schema at n"],
    ["no payload", '["bid"]', "bid does not satisfy its schema at n"],
  ] as const;

  test.each(invalid)(
    "refuse %s with INVALID_MESSAGE, without quoting the message, and call no handler",
    (_, data, text) => {
      const called: unknown[] = [];
      const { message, transaction } = messages.handlers(sessions, {
        bid: { transaction: () => called.push("bid") },
        bye: () => called.push("bye"),
      });
      for (const call of [() => message(conn, data), () => transaction?.(tx, data)]) {
        const error = thrownBy(call);
        expect(isTransactionRefused(error, "INVALID_MESSAGE")).toBe(true);
        expect(error).toMatchObject({ message: expect.stringContaining(text) });
        expect(String(error)).not.toContain("secret");
      }
      expect(called).toEqual([]);
    },
  );

  test("the schema's issues are the cause of the error, for the server's report", () => {
    const { message } = messages.handlers(sessions, { bid: () => 1, bye: () => 1 });
    expect(thrownBy(() => message(conn, '["bid","x"]'))).toMatchObject({
      cause: [{ message: "Error: not digits: x" }],
    });
  });
});

describe("a handler in transactions", () => {
  const { message, transaction } = messages.handlers(sessions, {
    bid: {
      transaction(given, amount) {
        if (amount < 10) throw messages.refuse.outbid({ highest: 10 });
        return [given, amount];
      },
    },
    bye: (connection) => connection,
  });

  test("gets the transaction, a function gets its connection, and errors of either are passed on", () => {
    expect(transaction?.(tx, '["bid","40"]')).toEqual([tx, 40]);
    expect(transaction?.(tx, '["bye"]')).toBe(conn);
    const refused = thrownBy(() => transaction?.(tx, '["bid","4"]'));
    expect(messages.isRefused(refused, "outbid")).toBe(true);
    expect(refused).toMatchObject({ code: "outbid", detail: { highest: 10 } });
  });

  test("does not get a message without a number: the message is refused", () => {
    expect(thrownBy(() => message(conn, '["bid","40"]'))).toMatchObject({ code: "INVALID_MESSAGE" });
    expect(message(conn, '["bye"]')).toBe(conn);
  });

  test("causes the property `transaction`, which is absent otherwise", () => {
    expect(transaction).toBeTypeOf("function");
    const none = messages.handlers(sessions, { bid: () => 1, bye: () => 1 });
    expect(Object.keys(none)).toEqual(["message"]);
  });
});

describe("an asynchronous schema", () => {
  function listen() {
    const { schema, letGo } = heldSchema(digits);
    const slowly = defineMessages({ toServer: { slow: schema, fast: digits } });
    const log: unknown[] = [];
    const { message } = slowly.handlers(sessions, {
      slow: ({ id }, n) => void log.push([id, n]),
      fast: ({ id }, n) => void log.push([id, n]),
    });
    return { message, letGo, log };
  }

  test("keeps the order of a connection's messages, and does not delay other connections", async () => {
    const { message, letGo, log } = listen();
    const waiting = [message(conn, '["slow","1"]'), message(conn, '["fast","2"]')];
    message({ id: "c-2" }, '["fast","3"]');
    expect(log).toEqual([["c-2", 3]]);
    letGo();
    await Promise.all(waiting);
    expect(log).toEqual([
      ["c-2", 3],
      ["c-1", 1],
      ["c-1", 2],
    ]);
  });

  test("refuses a message with INVALID_MESSAGE, and the next message is handled", async () => {
    const { message, letGo, log } = listen();
    const refused = message(conn, '["slow","x"]');
    const next = message(conn, '["fast","2"]');
    letGo();
    await expect(refused).rejects.toMatchObject({ code: "INVALID_MESSAGE" });
    await next;
    expect(log).toEqual([["c-1", 2]]);
    await settled();
    message(conn, '["fast","3"]');
    expect(log).toHaveLength(2);
  });
});
