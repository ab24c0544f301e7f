import { TransactionRefused, unchecked } from "@wsession/protocol";
import { defineMessages } from "@wsession/protocol/messages";
import type { ClientLike } from "@wsession/protocol/messages";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { digits, heldSchema, settled } from "./schemas.ts";

const messages = defineMessages({
  toServer: { bid: digits, bye: z.void() },
  toClient: { price: digits, any: unchecked<unknown>() },
  refusals: { outbid: z.object({ highest: z.string().transform(Number) }), late: z.void() },
});

/** A client without a network: a list of what it sent, and a way in. */
function clientLike(answer: (message: string) => Promise<void> = async () => undefined) {
  const listeners = new Set<Parameters<ClientLike["on"]>[1]>();
  const sent: string[] = [];
  const client: ClientLike = {
    send(message) {
      sent.push(message);
      return answer(message);
    },
    sendNow: (message) => sent.push(message) > 0,
    on(_, listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
  return {
    client,
    sent,
    listeners,
    receive(data: string | Uint8Array, replayed = false): unknown[] {
      return [...listeners].map((listener) => listener({ data, replayed }));
    },
  };
}

describe("a client sends", () => {
  test("numbered and plain messages with the payload unchanged", async () => {
    const { client, sent } = clientLike();
    const page = messages.client(client);
    expect(await page.send.bid("40")).toBeUndefined();
    await page.send.bye();
    expect(page.sendNow.bid("41")).toBe(true);
    expect(sent).toEqual(['["bid","40"]', '["bye"]', '["bid","41"]']);
  });

  test("no message whose payload the schema refuses: send rejects, sendNow throws", async () => {
    const { client, sent } = clientLike();
    const page = messages.client(client);
    await expect(page.send.bid("x")).rejects.toMatchObject({ name: "MessageError", code: "INVALID_MESSAGE" });
    await expect(page.send.bid(10n as never)).rejects.toMatchObject({ code: "NOT_SERIALISABLE" });
    expect(() => page.sendNow.bid("x")).toThrow(expect.objectContaining({ code: "INVALID_MESSAGE" }));
    expect(sent).toEqual([]);
  });

  test("in the order of the calls, even if a schema is asynchronous; sendNow throws for an asynchronous schema", async () => {
    const { schema, letGo } = heldSchema(digits);
    const slowly = defineMessages({ toServer: { slow: schema, fast: digits } });
    const { client, sent } = clientLike();
    const page = slowly.client(client);
    const sending = [page.send.slow("1"), page.send.fast("2")];
    expect(() => page.sendNow.slow("3")).toThrow(expect.objectContaining({ code: "INVALID_ARGUMENT" }));
    await settled();
    expect(sent).toEqual([]);
    letGo();
    await Promise.all(sending);
    expect(sent).toEqual(['["slow","1"]', '["fast","2"]']);
  });

  test("and an unhandled rejection of send does not end the process", async () => {
    const unhandled: unknown[] = [];
    const listener = (error: unknown) => unhandled.push(error);
    process.on("unhandledRejection", listener);
    const { client } = clientLike(async () => {
      throw new Error("away");
    });
    const page = messages.client(client);
    void page.send.bid("1");
    void page.send.bid("x");
    await settled();
    process.off("unhandledRejection", listener);
    expect(unhandled).toEqual([]);
  });
});

describe("a refusal", () => {
  const refusing = (error: unknown) => {
    const { client } = clientLike(async () => {
      throw error;
    });
    return messages.client(client);
  };

  test("is distinguished by name, and its detail is the output of its schema", async () => {
    const original = new TransactionRefused("outbid", { message: "too low", detail: { highest: "50" } });
    const error: unknown = await refusing(original)
      .send.bid("40")
      .catch((reason: unknown) => reason);
    expect(messages.isRefused(error, "outbid")).toBe(true);
    expect(messages.isRefused(error, "late")).toBe(false);
    expect(error).toMatchObject({ code: "outbid", message: "too low", detail: { highest: 50 } });
  });

  test("whose detail the schema refuses is passed on unchanged, and does not count as the refusal of that name", async () => {
    const original = new TransactionRefused("outbid", { detail: { highest: 50 } });
    const error: unknown = await refusing(original)
      .send.bid("40")
      .catch((reason: unknown) => reason);
    expect(error).toBe(original);
    expect(messages.isRefused(error, "outbid")).toBe(false);
  });

  test("of another name, and any other error, is passed on unchanged", async () => {
    for (const original of [new TransactionRefused("constructor"), new Error("away"), "text"])
      await expect(refusing(original).send.bid("1")).rejects.toBe(original);
  });

  test("that was created in this process is recognized if its schema changes nothing", () => {
    expect(messages.isRefused(messages.refuse.late(), "late")).toBe(true);
    expect(messages.isRefused(messages.refuse.outbid({ highest: "50" }), "outbid")).toBe(false);
    expect(messages.isRefused(new Error("late"), "late")).toBe(false);
  });

  test("with a detail that its schema refuses is not created", () => {
    expect(() => messages.refuse.outbid({ highest: 50 as never })).toThrow(
      expect.objectContaining({ code: "INVALID_MESSAGE", messageName: "outbid" }),
    );
    const { schema } = heldSchema(digits);
    const slowly = defineMessages({ refusals: { slow: schema } });
    expect(() => slowly.refuse.slow("1")).toThrow(expect.objectContaining({ code: "INVALID_ARGUMENT" }));
  });
});

describe("a client receives", () => {
  test("the schema's output for the payload, and whether the message is replayed, until the listener is removed", () => {
    const { client, receive } = clientLike();
    const received: unknown[] = [];
    const off = messages.client(client).on.price((payload, event) => received.push([payload, event]));
    receive('["price","40"]');
    receive('["price","41"]', true);
    receive('["any",1]');
    off();
    receive('["price","42"]');
    expect(received).toEqual([
      [40, { replayed: false }],
      [41, { replayed: true }],
    ]);
  });

  test("messages from the first listener on, and no more after the last", () => {
    const { client, listeners } = clientLike();
    const page = messages.client(client);
    expect(listeners.size).toBe(0);
    const off = [page.on.price(() => 1), page.on.any(() => 1), page.onInvalid(() => 1)];
    expect(listeners.size).toBe(1);
    for (const takeOff of off) takeOff();
    off[0]?.();
    expect(listeners.size).toBe(0);
    page.on.any(() => 1);
    expect(listeners.size).toBe(1);
  });

  test("an invalid message through onInvalid only, with the name of the message", () => {
    const { client, receive } = clientLike();
    const page = messages.client(client);
    const invalid: unknown[] = [];
    page.on.price(() => expect.fail("a listener was called"));
    page.on.any(() => expect.fail("a listener was called"));
    const off = page.onInvalid((message) => invalid.push(message));
    const bytes = new Uint8Array([1]);
    for (const data of ['["price","x"]', '["price"]', '["sodl",1]', '["constructor"]', "no JSON", bytes])
      receive(data);
    off();
    expect(invalid).toEqual([
      { name: "price", data: '["price","x"]' },
      { name: "price", data: '["price"]' },
      { name: "sodl", data: '["sodl",1]' },
      { name: "constructor", data: '["constructor"]' },
      { name: undefined, data: "no JSON" },
      { name: undefined, data: bytes },
    ]);
  });

  test("a message with every listener even if one throws, and the error reaches the client", () => {
    const { client, receive } = clientLike();
    const page = messages.client(client);
    const received: unknown[] = [];
    const failed = new Error("a listener");
    page.on.any(() => {
      throw failed;
    });
    page.on.any((payload) => received.push(payload));
    expect(() => receive('["any",1]')).toThrow(failed);
    page.on.any(() => {
      throw new Error("another");
    });
    expect(() => receive('["any",2]')).toThrow(AggregateError);
    expect(received).toEqual([1, 2]);
  });

  test("messages in order, even if a schema is asynchronous", async () => {
    const { schema, letGo } = heldSchema(digits);
    const slowly = defineMessages({ toClient: { slow: schema, fast: digits } });
    const { client, receive } = clientLike();
    const page = slowly.client(client);
    const received: unknown[] = [];
    page.on.slow((n) => received.push(n));
    page.on.fast((n) => received.push(n));
    page.onInvalid(({ data }) => received.push(data));
    receive('["slow","1"]');
    const waiting = [...receive('["fast","2"]'), ...receive("invalid")];
    expect(received).toEqual([]);
    letGo();
    await Promise.all(waiting);
    expect(received).toEqual([1, 2, "invalid"]);
  });
});
