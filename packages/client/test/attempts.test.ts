/** Attempts that fail before a connection exists, and the reason that the client reports for them. */
import { tokenInStorage } from "@wsession/client";
import { within } from "@wsession/conformance";
import { once } from "node:events";
import { createServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { WebSocketServer } from "ws";
import { client, listen } from "./support.ts";

test.each(["ws//no-address", "ws//no-address?key=secret"])(
  "the reason of a failed attempt does not show the query of %s, which may hold the token",
  async (address) => {
    const token = { queryParameter: "token", read: () => "secret", write() {} };
    const { until } = client({ url: "" }, { token }, () => address);
    const { reason } = await until("status", ({ status }) => status === "waiting");
    expect(reason).toContain("ws//no-address");
    expect(reason).not.toContain("secret");
  },
);

test("an address function that throws a value without a text counts as a failed attempt", async () => {
  const server = await listen();
  const values: unknown[] = [Object.create(null), Symbol("x"), undefined, { toString: 5 }];
  const { until } = client(server, {}, () => {
    if (values.length === 0) return server.url;
    throw values.shift();
  });
  const peer = await server.peer();
  await peer.attach();
  peer.hello();
  await until("status", ({ status }) => status === "live");
});

test("a damaged token in the storage reaches the server, which can refuse it", async () => {
  const server = await listen();
  const stored = new Map([["wsession.token", '{"v":2, "token":"x y"}']]);
  let removed: () => void = () => {};
  const whenRemoved = new Promise<void>((resolve) => (removed = resolve));
  const storage = {
    getItem: (key: string) => stored.get(key) ?? null,
    setItem: (key: string, value: string) => void stored.set(key, value),
    removeItem: (key: string) => {
      stored.delete(key);
      removed();
    },
  };
  const { until } = client(server, { token: tokenInStorage(storage) });
  const peer = await server.peer();
  expect(peer.offered[2]).toMatch(/^wsession\.%7B/);
  peer.socket.close(4401, "session token refused");
  expect(await until("closed")).toMatchObject({ code: 4401, why: "login" });
  await whenRemoved;
});

test("a Buffer is sent to a plain server without the memory that it shares with other Buffers", async () => {
  const plain = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  onTestFinished(() => {
    plain.close();
  });
  await once(plain, "listening");
  const { port } = plain.address() as { port: number };
  const received = new Promise<string>((resolve) => {
    plain.on("connection", (socket) => socket.on("message", (data: Buffer) => resolve(data.toString())));
  });
  const { client: one, until } = client({ url: `ws://127.0.0.1:${port}` });
  await until("status", ({ status }) => status === "live");
  // A Buffer of the pool: its ArrayBuffer holds other Buffers.
  expect(one.sendNow(Buffer.from("now"))).toBe(true);
  expect(await received).toBe("now");
});

test("a Buffer that the application overwrites after send is sent as it was", async () => {
  const server = await listen();
  const numbered = client(server).client;
  const bytes = Buffer.from("as sent");
  const sent = numbered.send(bytes);
  bytes.fill(0);
  const peer = await server.peer();
  await peer.attach();
  peer.hello();
  expect(String(await peer.frame())).toBe("=as sent");
  peer.send(".+1");
  await sent;
});

test("reconnect() begins a new attempt although the current one waits for its address, or for an answer", async () => {
  const silent = createServer();
  const abandoned = once(silent, "connection").then(async ([socket]: Socket[]) => {
    onTestFinished(() => void socket?.destroy());
    await once(socket!.resume(), "close");
  });
  onTestFinished(() => void silent.close());
  silent.listen(0, "127.0.0.1");
  await once(silent, "listening");
  const { port } = silent.address() as AddressInfo;
  const server = await listen();
  const addresses = [new Promise<string>(() => undefined), `ws://127.0.0.1:${port}`];
  const { client: one, until, of } = client(server, {}, () => addresses.shift() ?? server.url);
  await expect.poll(() => addresses.length).toBe(1);
  one.reconnect();
  await within(20_000, "an attempt at the second address", once(silent, "connection"));
  one.reconnect();
  const peer = await server.peer();
  expect((await peer.attach()).fresh).toBe(true);
  peer.hello();
  await until("status", ({ status }) => status === "live");
  await within(20_000, "the end of the second attempt", abandoned);
  expect(of("status")).toHaveLength(1);
});

// RFC 6455, section 3: a fragment does not belong in a WebSocket address. Browsers cut it, and ws refuses it.
test("a fragment of the address does not swallow the token in the query", async () => {
  const server = await listen();
  const token = { queryParameter: "token", read: () => "secret", write() {} };
  client(server, { token }, () => `${server.url}?a=1#menu`);
  const peer = await server.peer();
  expect(String(peer.query)).toBe("a=1&token=secret");
});
