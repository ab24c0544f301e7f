import { unchecked } from "@wsession/protocol";
import type { StandardSchemaV1 } from "@wsession/protocol";
import { defineMessages } from "@wsession/protocol/messages";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { digits, heldSchema, settled } from "./schemas.ts";

const plain = defineMessages({
  toClient: {
    price: digits,
    any: unchecked<unknown>(),
    bye: z.void(),
    at: z.date(),
  },
});

function recorder() {
  const sent: unknown[][] = [];
  const connection = {
    id: "c-1",
    send(message: string): string {
      sent.push([message]);
      return "sent";
    },
  };
  const session = {
    id: "s-1",
    connections: [],
    async send(message: string, options?: object) {
      sent.push([message, options]);
      return { offset: sent.length };
    },
  };
  const sessions = {
    connections: [],
    async send(id: string, message: string, options?: object) {
      sent.push([id, message, options]);
      return id === "gone" ? undefined : { offset: 1 };
    },
    async sendToSubject(subject: string, message: string, options?: object) {
      sent.push([subject, message, options]);
      return { sessions: 2, failed: 1 };
    },
  };
  return { sent, connection, session, sessions };
}

describe("sending to a target", () => {
  test("the payload is sent unchanged, and the result is the target's", async () => {
    const { sent, connection, session } = recorder();
    expect(plain.to(connection).price("42")).toBe("sent");
    expect(await plain.to(session).price("43", { key: "price" })).toEqual({ offset: 2 });
    expect(sent).toEqual([['["price","42"]'], ['["price","43"]', { key: "price" }]]);
  });

  test("a detached send function works", () => {
    const { sent, connection } = recorder();
    const { price } = plain.to(connection);
    price("1");
    expect(sent).toEqual([['["price","1"]']]);
  });

  test("a payload of undefined is omitted, and a payload of null is sent", () => {
    const { sent, connection } = recorder();
    plain.to(connection).bye();
    plain.to(connection).any(null);
    expect(sent).toEqual([['["bye"]'], ['["any",null]']]);
  });

  test("toSession and toSubject return the results of sessions", async () => {
    const { sent, sessions } = recorder();
    expect(await plain.toSession(sessions, "s-1").price("1", { ttlMs: 5 })).toEqual({ offset: 1 });
    expect(await plain.toSession(sessions, "gone").price("2")).toBeUndefined();
    expect(await plain.toSubject(sessions, "ann").price("3")).toEqual({ sessions: 2, failed: 1 });
    expect(sent).toEqual([
      ["s-1", '["price","1"]', { ttlMs: 5 }],
      ["gone", '["price","2"]', undefined],
      ["ann", '["price","3"]', undefined],
    ]);
  });
});

describe("a payload that its schema refuses is not sent:", () => {
  test("the error names the message and the path, and its cause is the schema's issues", () => {
    const { sent, connection } = recorder();
    const refused = expect.objectContaining({
      name: "MessageError",
      code: "INVALID_MESSAGE",
      messageName: "price",
      message: "price does not satisfy its schema at n",
      cause: [{ message: "Error: not digits: secret", path: ["n"] }],
    });
    expect(() => plain.to(connection).price("secret")).toThrow(refused);
    expect(sent).toEqual([]);
  });

  test("a schema that throws counts as a refusal", () => {
    const { connection } = recorder();
    const throwing: StandardSchemaV1<number> = {
      "~standard": {
        version: 1,
        vendor: "tests",
        validate() {
          throw new Error("a transform");
        },
      },
    };
    const messages = defineMessages({ toClient: { a: throwing } });
    expect(() => messages.to(connection).a(1)).toThrow(
      expect.objectContaining({ code: "INVALID_MESSAGE", message: "a has a schema that threw an error" }),
    );
  });

  test("also to a session, a session by id and a subject, and the call throws synchronously", () => {
    const { sent, session, sessions } = recorder();
    const invalid = expect.objectContaining({ code: "INVALID_MESSAGE" });
    expect(() => plain.to(session).price("x")).toThrow(invalid);
    expect(() => plain.toSession(sessions, "s").price("x")).toThrow(invalid);
    expect(() => plain.toSubject(sessions, "ann").price("x")).toThrow(invalid);
    expect(sent).toEqual([]);
  });

  test("a value that JSON changes is checked after JSON, as the receiver reads it: z.date() fails at the sender", () => {
    const { connection } = recorder();
    expect(() => plain.to(connection).at(new Date())).toThrow(
      expect.objectContaining({ code: "INVALID_MESSAGE", messageName: "at" }),
    );
  });

  test("a value that JSON can't represent throws NOT_SERIALISABLE", () => {
    const { sent, connection } = recorder();
    const circle: { self?: object } = {};
    circle.self = circle;
    for (const payload of [10n, circle, () => 1, Symbol("s"), { toJSON: () => undefined }])
      expect(() => plain.to(connection).any(payload)).toThrow(
        expect.objectContaining({ name: "MessageError", code: "NOT_SERIALISABLE", messageName: "any" }),
      );
    expect(sent).toEqual([]);
  });
});

describe("an asynchronous schema", () => {
  function held() {
    const { schema, letGo } = heldSchema(digits);
    return { messages: defineMessages({ toClient: { slow: schema, fast: digits } }), letGo };
  }

  test("keeps the order of the messages to a session, through different handles", async () => {
    const { messages, letGo } = held();
    const { sent, session, sessions } = recorder();
    const first = messages.to(session).slow("1");
    const second = messages.to({ ...session }).fast("2");
    const third = messages.toSession(sessions, "s-1").fast("3");
    await settled();
    expect(sent).toEqual([]);
    letGo();
    await Promise.all([first, second, third]);
    expect(sent.flat().filter((part) => String(part).startsWith("["))).toEqual([
      '["slow","1"]',
      '["fast","2"]',
      '["fast","3"]',
    ]);
    // The waiting messages were sent, so the next message is sent at once.
    void messages.to(session).fast("4");
    expect(sent).toHaveLength(4);
  });

  test("delays neither messages to another session nor messages to a subject", async () => {
    const { messages, letGo } = held();
    const { sent, session, sessions } = recorder();
    const slow = messages.to(session).slow("1");
    void messages.to({ ...session, id: "s-2" }).fast("2");
    void messages.toSubject(sessions, "s-1").fast("3");
    expect(sent).toHaveLength(2);
    letGo();
    await slow;
  });

  test("sends the payload of the call, even if the application changes the object meanwhile", async () => {
    const { schema, letGo } = heldSchema(unchecked<{ n: number }>());
    const messages = defineMessages({ toClient: { a: schema } });
    const { sent, session } = recorder();
    const payload = { n: 1 };
    const sending = messages.to(session).a(payload);
    payload.n = 2;
    letGo();
    await sending;
    expect(sent[0]?.[0]).toBe('["a",{"n":1}]');
  });

  test("rejects a refused message, and sends the messages after it", async () => {
    const { messages, letGo } = held();
    const { sent, session } = recorder();
    const refused = messages.to(session).slow("x");
    const next = messages.to(session).fast("2");
    letGo();
    await expect(refused).rejects.toMatchObject({ code: "INVALID_MESSAGE" });
    await next;
    expect(sent).toHaveLength(1);
  });

  test("does not end the process with an unhandled rejection", async () => {
    const { messages, letGo } = held();
    const unhandled: unknown[] = [];
    const listener = (error: unknown) => unhandled.push(error);
    process.on("unhandledRejection", listener);
    void messages.to(recorder().session).slow("x");
    letGo();
    await settled();
    process.off("unhandledRejection", listener);
    expect(unhandled).toEqual([]);
  });

  test("throws INVALID_ARGUMENT for a target whose send is synchronous", () => {
    const { messages } = held();
    const { sent, connection } = recorder();
    expect(() => messages.to(connection).slow("1")).toThrow(
      expect.objectContaining({ code: "INVALID_ARGUMENT" }),
    );
    expect(sent).toEqual([]);
  });
});
