import { once } from "node:events";
import { asWebSocket, bindSessions } from "@wsession/adapter-ws";
import type { BindOptions } from "@wsession/adapter-ws";
import { Client, deferred, Journal, macrotask, until } from "@wsession/conformance";
import { createSessions, mapStore } from "@wsession/core";
import type { Handlers, Sessions } from "@wsession/core";
import { describe, expect, onTestFinished, test } from "vitest";
import type { WebSocketServer } from "ws";
import { closeAll, ways } from "./servers.ts";
import type { Way } from "./servers.ts";

interface Visitor {
  readonly name: string;
}

async function bound(
  way: Way,
  sessions: Sessions<Visitor>,
  handlers: Handlers<Visitor>,
  options: BindOptions = { listeners: "gated" },
): Promise<{ server: WebSocketServer; connect: () => Promise<Client> }> {
  const { server, address, http } = await ways[way]();
  bindSessions(server, sessions, handlers, options);
  onTestFinished(async () => {
    await sessions.close();
    await closeAll(server, http);
  });
  return { server, connect: () => Client.connect(`ws://127.0.0.1:${address.port}/place`) };
}

describe.each(["port", "server", "noServer"] as const)(
  "gated listeners of a server made with `%s`",
  (way) => {
    test("I1 I2 a connection listener gets its socket after the session is set, and then all messages in order", async () => {
      const sessions = createSessions<Visitor>({ store: mapStore() });
      const journal = new Journal();
      const set = deferred();
      const { server, connect } = await bound(way, sessions, {
        async open(connection) {
          journal.note("open");
          await set.promise;
          await connection.setSession({ name: "ada" });
          journal.note("set");
        },
      });
      server.on("connection", (socket, { url }) => {
        const connection = sessions.of(socket);
        journal.note(
          `listener ${url} ${connection?.session?.data.name} ${connection && asWebSocket(connection) === socket}`,
        );
        socket.on("message", (data) => journal.note(String(data)));
        socket.on("close", (code) => journal.note(`close ${code}`));
      });
      const client = await connect();
      for (const text of ["one", "two", "three"]) client.send(text);
      await client.roundTrip();
      expect(journal.entries).toEqual(["open"]);
      set.resolve();
      await journal.until(6);
      client.socket.close(4001);
      await journal.until(7);
      expect(journal.entries).toEqual([
        "open",
        "set",
        "listener /place ada true",
        "one",
        "two",
        "three",
        "close 4001",
      ]);
    });

    test("I4 a connection that ends before its session is set reaches no listener", async () => {
      const sessions = createSessions<Visitor>({ store: mapStore() });
      const journal = new Journal();
      const { server, connect } = await bound(way, sessions, {
        open: () => journal.note("open"),
        close: () => journal.note("close"),
      });
      server.on("connection", () => journal.note("listener"));
      const client = await connect();
      client.send("too early");
      client.socket.close();
      await journal.until(2);
      await macrotask();
      expect(journal.entries).toEqual(["open", "close"]);
    });

    test("I4 messages of a peer that left while open ran reach the listener before close", async () => {
      const sessions = createSessions({ store: mapStore(), initial: (): Visitor => ({ name: "ada" }) });
      const journal = new Journal();
      const opened = deferred();
      const left = deferred();
      const { server, connect } = await bound(way, sessions, {
        async open(connection) {
          opened.resolve();
          await left.promise;
          await until(() => connection.bufferedAmount === 0);
        },
      });
      server.on("connection", (socket) => {
        socket.on("message", (data) => journal.note(String(data)));
        socket.on("close", (code) => journal.note(`close ${code}`));
      });
      const client = await connect();
      client.send("one");
      client.send("two");
      client.socket.close(4001);
      await opened.promise;
      await client.closed;
      left.resolve();
      await journal.until(3);
      expect(journal.entries).toEqual(["one", "two", "close 4001"]);
    });
  },
);

test("I12 a connection listener that throws ends its connection with 1011, and the error reaches onError", async () => {
  const errors: unknown[] = [];
  const sessions = createSessions({
    store: mapStore(),
    initial: (): Visitor => ({ name: "ada" }),
    onError: (error) => errors.push(error),
  });
  const { server, connect } = await bound("port", sessions, {});
  server.once("connection", () => {
    throw new Error("in a listener");
  });
  expect((await (await connect()).closed).code).toBe(1011);
  expect(errors).toEqual([expect.objectContaining({ message: "in a listener" })]);
  const client = await connect();
  await client.roundTrip();
  client.socket.terminate();
});

test("a gated server gives back its own emit and handleUpgrade when its binding closes", async () => {
  const sessions = createSessions<Visitor>();
  const { server, http } = await ways.noServer();
  const own = ["emit", "handleUpgrade"].filter((name) => Object.hasOwn(server, name));
  const binding = bindSessions(server, sessions, {}, { listeners: "gated" });
  await binding.close();
  expect(["emit", "handleUpgrade"].filter((name) => Object.hasOwn(server, name))).toEqual(own);
  await closeAll(server, http);
});

test("with the default `raw` a listener gets the socket of ws at once, as in 0.1", async () => {
  const sessions = createSessions<Visitor>({ store: mapStore() });
  const { server, connect } = await bound("port", sessions, {}, {});
  const connected = once(server, "connection");
  const client = await connect();
  const [socket] = await connected;
  expect(sessions.of(socket)?.socket).toBe(socket);
  client.socket.terminate();
});

test("bindSessions refuses unknown options and other listeners", async () => {
  const { server, http } = await ways.noServer();
  const sessions = createSessions<Visitor>();
  for (const options of [{ listeners: "open" }, { listener: "gated" }, null, 1])
    expect(() => bindSessions(server, sessions, {}, options as BindOptions)).toThrow(
      expect.objectContaining({ code: "INVALID_ARGUMENT" }),
    );
  await closeAll(server, http);
});
