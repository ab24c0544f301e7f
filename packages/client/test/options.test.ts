import { connect, isClientError, tokenInMemory, tokenInStorage } from "@wsession/client";
import type { ClientOptions } from "@wsession/client";
import { describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import { client, listen } from "./support.ts";

const wrong: readonly (readonly [string, unknown])[] = [
  ["an unknown option", { carryover: true }],
  ["null", null],
  ["protocols that are not an array", { protocols: "chat" }],
  ["a subprotocol with a blank", { protocols: ["a b"] }],
  ["a subprotocol twice", { protocols: ["a", "a"] }],
  ["a subprotocol that the client offers itself", { protocols: ["v1.wsession"] }],
  ["protocols that are an object", { protocols: {} }],
  ["a WebSocket that is not a class", { WebSocket: {} }],
  ["a token without methods", { token: { read: () => "" } }],
  ["a token that is null", { token: null }],
  ["a storage without methods", { storage: {} }],
  ["a backoff that is not an object", { backoff: 250 }],
  ["a backoff below 0", { backoff: { minMs: -1 } }],
  ["a backoff with an unknown name", { backoff: { min: 1 } }],
  ["a queue of text", { queue: { maxMessages: "256" } }],
  ["carryOver that is text", { carryOver: "false" }],
  ["silenceMs of 0", { silenceMs: 0 }],
  ["attempts that are NaN", { attempts: Number.NaN }],
  ["a renewalParameter that is a number", { renewalParameter: 5 }],
  ["a renewalParameter that is empty", { renewalParameter: "" }],
  ["a token whose queryParameter is a number", { token: { ...tokenInMemory(), queryParameter: 5 } }],
  ["a token whose queryParameter is empty", { token: { ...tokenInMemory(), queryParameter: "" } }],
];

describe("connect throws INVALID_ARGUMENT at once for", () => {
  test.each(wrong)("%s", (_, options) => {
    // Without a WebSocket class every call would fail on Node.js 20.
    const given = options === null ? null : { WebSocket, ...Object(options) };
    const call = () => connect("ws://127.0.0.1:1", given as ClientOptions);
    expect(call).toThrow(expect.objectContaining({ code: "INVALID_ARGUMENT", outcome: "not-applied" }));
  });

  test.each([undefined, null, 5, "", {}, { href: 5 }, Symbol("url")])("the address %s", (url) => {
    expect(() => connect(url as never, { WebSocket })).toThrow(
      expect.objectContaining({ code: "INVALID_ARGUMENT" }),
    );
  });
});

test.each<readonly [unknown, string]>([
  [null, "options must be of type object"],
  [{ silenceMs: 0 }, "silenceMs must be above 0"],
  [{ backoff: { maxMs: "1" } }, "maxMs must be of type number"],
  [{ token: { read: () => "" } }, "token.write must be of type function"],
  [{ renewalParameter: "" }, "renewalParameter must not be empty"],
  [{ token: { ...tokenInMemory(), queryParameter: "" } }, "queryParameter must not be empty"],
  [{ carryover: true }, "options.carryover is unknown"],
  [{ protocols: ["a", "a"], WebSocket }, "protocols must be valid, unique names"],
])("the error about %o names the expected value: %s", (options, text) => {
  expect(() => connect("ws://127.0.0.1:1", options as ClientOptions)).toThrow(text);
});

test("a wrong storage or option of a token's storage, and a wrong code, throw INVALID_ARGUMENT at once", () => {
  const storage = { getItem: () => null, setItem() {}, removeItem() {} };
  const wrongOptions = [
    null,
    5,
    "x",
    true,
    () => 1,
    { queryParameter: 5 },
    { queryParameter: "" },
    { key: "" },
    { k: "" },
  ];
  const calls: (() => unknown)[] = [
    ...wrongOptions.map((one) => () => tokenInMemory(one as never)),
    ...[...wrongOptions, { key: 5 }].map((one) => () => tokenInStorage(storage, one as never)),
    ...[undefined, null, 5, "x", {}, { ...storage, setItem: 5 }].map(
      (one) => () => tokenInStorage(one as never),
    ),
    ...[5, null, {}, Symbol("s")].map((code) => () => isClientError(new Error("x"), code as never)),
  ];
  for (const call of calls) expect(call).toThrow(expect.objectContaining({ code: "INVALID_ARGUMENT" }));
});

test("isClientError is false for an error whose members throw", () => {
  const hostile = new Proxy(new Error("x"), {
    getPrototypeOf: () => {
      throw new Error("hostile");
    },
  });
  expect(isClientError(hostile)).toBe(false);
});

test("an option that is undefined has its default", async () => {
  const server = await listen();
  const { until } = client(server, { silenceMs: undefined, backoff: { minMs: undefined }, queue: undefined });
  const peer = await server.peer();
  await peer.attach();
  peer.hello();
  expect(await until("status", ({ status }) => status === "live")).toMatchObject({ status: "live" });
});

test("connect throws on a platform without WebSocket, and says so", () => {
  expect(typeof globalThis.WebSocket).toBe(
    Number(process.versions.node.split(".")[0]) < 22 ? "undefined" : "function",
  );
  const call = () => connect("ws://127.0.0.1:1", {});
  if (globalThis.WebSocket === undefined) expect(call).toThrow(/WebSocket/);
});

test("the error about a wrong argument names the method, and the client keeps working", async () => {
  const server = await listen();
  const { client: one } = client(server);
  const peer = await server.peer();
  await peer.attach();
  peer.hello();
  await peer.roundTrip();
  for (const message of [undefined, null, 5, {}, [1], new ArrayBuffer(1)] as never[]) {
    await expect(one.send(message)).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      outcome: "not-applied",
    });
    expect(() => one.sendNow(message)).toThrow(expect.objectContaining({ code: "INVALID_ARGUMENT" }));
  }
  expect(() => one.on("mesage" as never, () => {})).toThrow(
    expect.objectContaining({ code: "INVALID_ARGUMENT" }),
  );
  expect(() => one.on("toString" as never, () => {})).toThrow(/on\(\)/);
  expect(() => one.on("message", undefined as never)).toThrow(/on\(\)/);
  for (const code of [1001, 1006, 2999, 5000, "1000", Number.NaN] as never[])
    await expect(one.close(code)).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
  for (const reason of ["x".repeat(124), null, 5, {}, [], () => 1, Symbol("s")] as never[])
    await expect(one.close(1000, reason)).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
  expect(one.status).toBe("live");
});

test("an invalid address from a function counts as a failed attempt, and the function is called again", async () => {
  const server = await listen();
  let asked = 0;
  const { until } = client(server, {}, () => {
    asked += 1;
    if (asked === 1) throw new Error("not yet");
    if (asked === 2) return "no address";
    return asked === 3 ? Promise.reject(new Error("nor now")) : { href: server.url };
  });
  expect((await until("status", ({ status }) => status === "waiting")).reason).toContain("not yet");
  const peer = await server.peer();
  await peer.attach();
  peer.hello();
  await until("status", ({ status }) => status === "live");
  expect(asked).toBe(4);
});

test("an infinite duration does not become a timer that ends at once", async () => {
  const server = await listen();
  let asked = 0;
  const address = async () => {
    asked += 1;
    await new Promise((resolve) => setTimeout(resolve, 50));
    return server.url;
  };
  const { of, until } = client(server, { silenceMs: Infinity, backoff: { maxMs: Infinity } }, address);
  const peer = await server.peer();
  await peer.attach();
  peer.hello();
  await until("status", ({ status }) => status === "live");
  expect([asked, of("status").filter(({ status }) => status === "waiting")]).toEqual([1, []]);
});

test("null from a token storage, as localStorage returns it, means no token", async () => {
  const server = await listen();
  client(server, { token: { read: () => null as never, write: () => undefined } });
  expect((await server.peer()).offered).toHaveLength(2);
});

test("a message that is sent before a slow storage was read does not overwrite the messages of an earlier page", async () => {
  const server = await listen();
  const values = new Map<string, string>();
  const storage = {
    getItem: async (key: string) => {
      await new Promise((resolve) => setTimeout(resolve, 20));
      return values.get(key) ?? null;
    },
    setItem: (key: string, value: string) => void values.set(key, value),
    removeItem: (key: string) => void values.delete(key),
  };
  const former = client(server, { storage });
  const peer = await server.peer();
  await peer.attach();
  peer.hello();
  await former.until("status", ({ status }) => status === "live");
  void former.client.send("left");
  await peer.frame();
  // What a page leaves is what is stored at that moment: nothing runs when a browser ends the page.
  const left = new Map(values);
  await former.client.close();
  values.clear();
  for (const [key, value] of left) values.set(key, value);

  const { client: one } = client(server, { storage });
  void one.send("new");
  const next = await server.peer();
  expect((await next.attach()).session).toBe("s1");
  expect(await next.frame()).toBe("=left");
});

test("token storages: in memory, and under a key of a storage that may be asynchronous", async () => {
  const values = new Map<string, string>();
  const later = {
    getItem: async (key: string) => values.get(key) ?? null,
    setItem: async (key: string, value: string) => void values.set(key, value),
    removeItem: async (key: string) => void values.delete(key),
  };
  for (const token of [tokenInMemory(), tokenInStorage(later), tokenInStorage(later, { key: "k" })]) {
    expect(await token.read()).toBeUndefined();
    await token.write("t");
    expect(await token.read()).toBe("t");
    await token.write(undefined);
    expect(await token.read()).toBeUndefined();
  }
  await tokenInStorage(later, { key: "k" }).write("t");
  expect([...values]).toEqual([["k", "t"]]);
});

test("a token goes into the query with queryParameter", async () => {
  const server = await listen();
  const token = tokenInMemory({ queryParameter: "access" });
  await token.write("a.b");
  client(server, { token }, `${server.url}?x=1`);
  const peer = await server.peer();
  expect(peer.query.get("access")).toBe("a.b");
  expect(peer.query.get("x")).toBe("1");
  expect(peer.offered).toHaveLength(2);
});

test("isClientError recognizes an error by name and code, across copies of the package", () => {
  const foreign = Object.assign(new Error("x"), { name: "ClientError", code: "CLOSED" });
  expect(isClientError(foreign)).toBe(true);
  expect(isClientError(foreign, "CLOSED")).toBe(true);
  expect(isClientError(foreign, "QUEUE_FULL")).toBe(false);
  expect(isClientError({ name: "ClientError", code: "CLOSED" })).toBe(false);
});

test("an address, a token or a storage that never answers does not block the client for ever", async () => {
  const server = await listen();
  const never = new Promise<never>(() => undefined);
  let asked = 0;
  const address = () => ((asked += 1) === 1 ? never : server.url);
  const storage = { getItem: () => never, setItem: () => never, removeItem: () => never };
  const token = { read: () => (asked === 2 ? never : undefined), write: () => never };
  const { client: one, until } = client(server, { storage, token, silenceMs: 300 }, address);
  const peer = await server.peer();
  expect(asked).toBe(3);
  await peer.attach();
  peer.hello({ token: "t" });
  await until("status", ({ status }) => status === "live");
  const sent = one.send("a").catch(({ code }: { readonly code: string }) => code);
  expect(await peer.frame()).toBe("=a");
  await one.close();
  expect(await sent).toBe("CLOSED");
});
