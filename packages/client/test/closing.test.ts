/** After `close` nothing of the client runs, whatever the application and the storage do meanwhile. */
import { expect, test } from "vitest";
import { client, listen } from "./support.ts";

test("a client that is closed by a listener of the status connecting makes no further attempt", async () => {
  const server = await listen();
  const { client: one, until, of } = client(server);
  const peer = await server.peer();
  await peer.attach();
  peer.hello();
  await until("status", ({ status }) => status === "live");
  let closed: Promise<void> | undefined;
  one.on("status", ({ status }) => {
    if (status === "connecting") closed = one.close();
  });
  peer.cut();
  await until("closed");
  await closed;
  // A connection that the client had begun before would be accepted before this one.
  const other = client(server);
  await (await server.peer()).attach();
  expect([server.connections, one.status, other.client.status]).toEqual([2, "closed", "connecting"]);
  expect(of("status").map(({ status }) => status)).toEqual(["live", "waiting", "connecting", "closed"]);
});

test("a client that is closed by the function of its address stays closed", async () => {
  const {
    client: one,
    until,
    of,
  } = client({ url: "" }, {}, () => {
    void one?.close();
    return "ws://127.0.0.1:1";
  });
  one.reconnect();
  await until("closed");
  expect(one.status).toBe("closed");
  expect(of("status").map(({ status }) => status)).toEqual(["closed"]);
});

test("closed is the last event, although the storage was read after close: first the leftovers of earlier pages settle", async () => {
  const server = await listen();
  const leftover = { client: "a".repeat(16), session: "s1", known: 0, next: 2 };
  const waiting = [{ number: 1, mark: 0, text: "old" }];
  const values = new Map([
    [`wsession:${server.url}.queue`, JSON.stringify({ streams: [{ ...leftover, waiting }] })],
  ]);
  const storage = {
    getItem: async (key: string) => values.get(key) ?? null,
    setItem: async (key: string, value: string) => void values.set(key, value),
    removeItem: async (key: string) => void values.delete(key),
  };
  const { client: one, events, until } = client(server, { storage });
  const sent = one.send("new").catch(({ code }: { readonly code: string }) => code);
  await one.close();
  await until("closed");
  expect(await sent).toBe("CLOSED");
  expect(events.map(([type]) => type)).toEqual(["leftover", "status", "closed"]);
  expect([...values]).toEqual([]);
});
