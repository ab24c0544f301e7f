import { unchecked } from "@wsession/protocol";
import { defineMessages, isMessageError, MessageError } from "@wsession/protocol/messages";
import { describe, expect, test, vi } from "vitest";
import { digits } from "./schemas.ts";

const mistake = expect.objectContaining({ name: "TypeError", code: "INVALID_ARGUMENT" });
const wrong: readonly unknown[] = [null, 5, "x", true, Symbol("s"), () => 1, [], 10n];

describe("a definition", () => {
  test("with anything other than schemas throws INVALID_ARGUMENT", () => {
    for (const given of [undefined, ...wrong] as never[])
      expect(() => defineMessages(given)).toThrow(mistake);
    for (const given of wrong as never[]) expect(() => defineMessages({ toServer: given })).toThrow(mistake);
    for (const schema of [undefined, ...wrong, {}, { "~standard": {} }, { "~standard": { validate: 1 } }])
      expect(() => defineMessages({ toClient: { a: schema as never } })).toThrow(mistake);
    expect(() => defineMessages({ toSever: {} } as never)).toThrow(mistake);
  });

  test("refuses messages called then and __proto__", () => {
    const proto: Record<string, unknown> = JSON.parse('{ "__proto__": 1 }');
    Object.defineProperty(proto, "__proto__", { value: digits, enumerable: true });
    // oxlint-disable-next-line unicorn/no-thenable -- it is what has to be refused
    for (const schemas of [Object.fromEntries([["then", digits]]), proto] as never[])
      for (const direction of ["toServer", "toClient", "refusals"])
        expect(() => defineMessages({ [direction]: schemas })).toThrow(mistake);
  });

  test("may be empty, and may have names such as toString and constructor", () => {
    expect(() => defineMessages({})).not.toThrow();
    const messages = defineMessages({ toClient: { constructor: digits, toString: digits } });
    const sent: string[] = [];
    const target = { id: "1", send: (text: string) => void sent.push(text) };
    messages.to(target).constructor("1");
    messages.to(target).toString("2");
    expect(sent).toEqual(['["constructor","1"]', '["toString","2"]']);
  });
});

describe("an object with a member for each name", () => {
  const messages = defineMessages({
    toServer: { a: digits },
    toClient: { a: digits },
    refusals: { a: digits },
  });
  const target = { id: "1", send: (text: string) => text };
  const client = { send: async () => undefined, sendNow: () => true, on: () => () => undefined };

  test("has no member for an undefined name, and no `then`, so it can be awaited", async () => {
    const page = messages.client(client);
    for (const members of [messages.to(target), messages.refuse, page.send, page.sendNow, page.on]) {
      for (const name of ["then", "constructor", "toString", "__proto__", "hasOwnProperty", "b"])
        expect(Reflect.get(members, name)).toBeUndefined();
      expect(await Promise.resolve(members)).toBe(members);
    }
  });

  test("can't be written to", () => {
    expect(() => Object.assign(messages.to(target), { a: 1 })).toThrow(TypeError);
  });
});

describe("functions refuse arguments of another type with INVALID_ARGUMENT:", () => {
  const messages = defineMessages({ toServer: { a: digits }, refusals: { b: unchecked<undefined>() } });

  test("to, toSession, toSubject, client", () => {
    const sends = { send: () => undefined };
    for (const target of [...wrong, {}, sends, { id: "1" }, { id: 1, ...sends }] as never[])
      expect(() => messages.to(target)).toThrow(mistake);
    for (const sessions of [...wrong, {}] as never[]) {
      expect(() => messages.toSession(sessions, "id")).toThrow(mistake);
      expect(() => messages.toSubject(sessions, "ann")).toThrow(mistake);
    }
    const sessions = { connections: [], send: () => undefined, sendToSubject: () => undefined } as never;
    for (const id of [undefined, null, 5, {}] as never[]) {
      expect(() => messages.toSession(sessions, id)).toThrow(mistake);
      expect(() => messages.toSubject(sessions, id)).toThrow(mistake);
    }
    for (const client of [...wrong, {}, { send() {}, sendNow() {} }] as never[])
      expect(() => messages.client(client)).toThrow(mistake);
  });

  test("handlers: each name needs its own handler, and other names are refused", () => {
    const inherited: object = Object.create({ a: () => 1 });
    const mistakes = [
      ...wrong,
      {},
      inherited,
      { a: undefined },
      { a: 5 },
      { a: {} },
      { a: { transaction: 5 } },
      { a: { transaction: () => 1, message: () => 1 } },
      { a: () => 1, b: () => 1 },
    ] as never[];
    for (const handlers of mistakes)
      expect(() => messages.handlers({ connections: [] }, handlers)).toThrow(mistake);
    for (const sessions of [undefined, ...wrong, {}, new Map(), { connections: 5 }] as never[])
      expect(() => messages.handlers(sessions, { a: () => 1 })).toThrow(mistake);
  });

  test("a subject with half of a surrogate pair, because its UTF-8 bytes would name another subject", () => {
    const sessions = { connections: [], send: async () => undefined, sendToSubject: async () => undefined };
    expect(() => messages.toSubject(sessions as never, "ann\uD800")).toThrow(mistake);
  });

  test("options or a callback after the last parameter, which would be ignored", async () => {
    const sent = vi.fn<() => never>();
    const sessions = { connections: [], send: sent, sendToSubject: sent } as never;
    const source = { send: sent, sendNow: sent, on: sent };
    const { to, toSession, toSubject, client, ...rest } = defineMessages({
      toServer: { a: unchecked() },
      toClient: { a: unchecked() },
      refusals: { b: unchecked() },
    });
    const calls: readonly (readonly [(...args: never[]) => unknown, ...unknown[]])[] = [
      [defineMessages, {}],
      [rest.handlers, sessions, { a: () => 1 }],
      [to, { id: "1", send: sent }],
      [toSession, sessions, "1"],
      [toSession(sessions, "1").a, 1, {}],
      [toSubject, sessions, "ann"],
      [toSubject(sessions, "ann").a, 1, {}],
      [rest.refuse.b, 1],
      [rest.isRefused, new Error("x"), "b"],
      [client, source],
      [client(source).send.a, 1],
      [client(source).sendNow.a, 1],
      [client(source).on.a, () => 1],
      [client(source).onInvalid.bind(client(source)), () => 1],
    ];
    for (const [call, ...args] of calls)
      for (const surplus of [{ key: "k" }, () => 1, []])
        expect(() => call(...([...args, surplus] as never[]))).toThrow(mistake);
    expect(sent).not.toHaveBeenCalled();
    // `Array.prototype.map` passes an index and the array.
    expect([1, 2].map((one, index) => rest.refuse.b(...([one, index] as never[])).detail)).toEqual([1, 2]);
  });

  test("isRefused, isMessageError, and the listeners of a client", () => {
    const circular: { self?: unknown } = {};
    circular.self = circular;
    for (const name of ["c", 10n, circular, undefined, Symbol("s")] as never[])
      expect(() => messages.isRefused(new Error("x"), name)).toThrow(mistake);
    expect(() => isMessageError(new Error("x"), 5 as never)).toThrow(mistake);
    const client = { send: async () => undefined, sendNow: () => true, on: () => () => undefined };
    for (const listener of [undefined, null, 5, {}] as never[])
      expect(() => messages.client(client).onInvalid(listener)).toThrow(mistake);
  });
});

test("a Map or a promise in place of an object with members is refused, because it would define nothing", () => {
  for (const other of [new Map([["a", digits]]), Promise.resolve({ a: digits })] as never[]) {
    expect(() => defineMessages(other)).toThrow(mistake);
    for (const direction of ["toServer", "toClient", "refusals"])
      expect(() => defineMessages({ [direction]: other })).toThrow(mistake);
    expect(() => defineMessages({}).handlers({ connections: [] }, other)).toThrow(mistake);
  }
});

test("isMessageError is false for an error whose members throw", () => {
  const hostile = new Proxy(new Error("x"), {
    getPrototypeOf: () => {
      throw new Error("hostile");
    },
  });
  expect(isMessageError(hostile)).toBe(false);
});

test("isMessageError recognizes a MessageError across copies of the package, by code if one is given", async () => {
  const copy: typeof import("@wsession/protocol/messages") = await import(
    new URL("../../dist/messages/errors.js?copy", import.meta.url).href
  );
  const error = new copy.MessageError("INVALID_MESSAGE", "bid", "is wrong");
  expect(error).not.toBeInstanceOf(MessageError);
  expect(isMessageError(error)).toBe(true);
  expect(isMessageError(error, "INVALID_MESSAGE")).toBe(true);
  expect(isMessageError(error, "NOT_SERIALISABLE")).toBe(false);
  for (const other of [new Error("x"), null, undefined, "x"]) expect(isMessageError(other)).toBe(false);
});
