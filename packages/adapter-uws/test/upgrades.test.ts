import { bindSessions } from "@wsession/adapter-uws";
import { deferred, Journal, macrotask, RawClient } from "@wsession/conformance";
import { accept, createSessions, mapStore, protocolToken, reject } from "@wsession/core";
import { expect, onTestFinished, test } from "vitest";
import uWS from "uWebSockets.js";
import { upgraded } from "../../adapter-ws/test/peers.ts";
import { listen } from "./servers.ts";
import { type Data, connect, serve, socketOf } from "./bound-app.ts";

test("an upgrade that is aborted while admit waits neither ends the process nor answers a response that is gone", async () => {
  for (const admission of [accept(), reject(403, "no")]) {
    const asked = deferred();
    const gate = deferred();
    const errors: unknown[] = [];
    const sessions = createSessions({
      async admit({ url }) {
        if (url !== "/slow") return accept();
        asked.resolve();
        await gate.promise;
        return admission;
      },
      initial: () => ({ n: 0 }),
      onError: (error) => errors.push(error),
    });
    const port = await serve(sessions);
    const gone = new RawClient(port);
    gone.upgrade({ path: "/slow" });
    await asked.promise;
    gone.destroy();
    const client = await connect(port, "/other");
    await client.roundTrip();
    gate.resolve();
    await client.roundTrip();
    expect(errors).toEqual([]);
    expect(sessions.connections.size).toBe(1);
  }
});

test("headers on the answer do not turn the 101 into a 200", async () => {
  const sessions = createSessions({
    admit: () => accept({ headers: { "x-one": "1", "x-two": "2" } }),
    initial: () => ({ n: 0 }),
  });
  const client = await upgraded(await serve(sessions));
  const { status, headers } = await client.response;
  expect(status).toBe(101);
  expect(headers).toEqual(
    expect.arrayContaining([
      ["x-one", "1"],
      ["x-two", "2"],
    ]),
  );
});

test("parameters of the route, read while the request is valid, reach `transport` as `found`", async () => {
  const observed = new Journal<unknown>();
  const sessions = createSessions<Data>({ initial: () => ({ n: 0 }) });
  const port = await serve(
    sessions,
    { open: ({ transport }) => observed.note(transport.data) },
    { pattern: "/room/:id", found: (request) => ({ room: request.getParameter(0) }) },
  );
  await connect(port, "/room/7");
  await observed.until(1);
  expect(observed.entries).toEqual([{ room: "7" }]);
});

test("parameters of the route reach `admit` as `found`, before the decision", async () => {
  const observed = new Journal<unknown>();
  const sessions = createSessions({
    admit: (_, found) => (found === "banned" ? reject(403) : accept({ context: { found } })),
    initial: (_, { found }) => ({ found }),
  });
  const app = uWS.App();
  bindSessions(
    app,
    "/room/:id",
    sessions,
    { open: ({ session, context }) => observed.note([session.data, context]) },
    { found: (request) => request.getParameter(0) },
  );
  onTestFinished(() => void app.close());
  const port = await listen(app);
  const banned = new RawClient(port);
  banned.upgrade({ path: "/room/banned" });
  expect((await banned.refusal).status).toBe(403);
  await connect(port, "/room/7");
  await observed.until(1);
  expect(observed.entries).toEqual([[{ found: "7" }, { found: "7" }]]);
});

test("if `found` or `handleProtocols` throws, the handshake is answered with 500, onError gets the error, and no session is left behind", async () => {
  const fail = () => {
    throw new Error("mine");
  };
  /** Throws a revoked proxy. Each operation on a revoked proxy throws, and `instanceof` too. */
  const failOddly = () => {
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    throw proxy;
  };
  for (const options of [{ found: fail }, { handleProtocols: fail }, { found: failOddly }]) {
    const errors: unknown[] = [];
    const store = mapStore();
    const sessions = createSessions({
      store,
      initial: () => ({ n: 0 }),
      onError: (error) => errors.push(error),
    });
    const port = await serve(sessions, {}, options);
    const client = new RawClient(port);
    client.upgrade({ headers: [["Sec-WebSocket-Protocol", "chat"]] });
    expect((await client.refusal).status).toBe(500);
    expect(errors).toHaveLength(1);
    expect(store.size).toBe(0);
  }
});

test("handleProtocols chooses, and is never shown a token", async () => {
  const shown: (readonly string[])[] = [];
  const sessions = createSessions({ store: mapStore(), token: protocolToken(), initial: () => ({ n: 0 }) });
  const port = await serve(
    sessions,
    {},
    {
      handleProtocols(protocols) {
        shown.push(protocols);
        return "b";
      },
    },
  );
  const { token } = await sessions.create({ n: 1 });
  const client = await connect(port, "/", ["a", `wsession.${token}`, "b"]);
  expect(client.socket.protocol).toBe("b");
  expect(shown).toEqual([["a", "b"]]);
});

test("several patterns of one app, and plain HTTP beside them, do not affect one another", async () => {
  const app = uWS.App();
  app.get("/health", (response) => {
    response.end("well");
  });
  const journal = new Journal();
  const sessions = createSessions({ initial: () => ({ n: 0 }) });
  bindSessions(app, "/one", sessions, { message: (_, text) => journal.note(`one ${text}`) });
  const port = await serve(
    sessions,
    { message: (_, text) => journal.note(`two ${text}`) },
    { app, pattern: "/two" },
  );
  (await connect(port, "/one")).send("x");
  await journal.until(1);
  (await connect(port, "/two")).send("y");
  await journal.until(2);
  expect(journal.entries).toEqual(["one x", "two y"]);
  expect(await (await fetch(`http://127.0.0.1:${port}/health`)).text()).toBe("well");
});

test("a request that names WebSocket without asking to upgrade the connection is refused (RFC 6455 section 4.2.1)", async () => {
  const sessions = createSessions({ initial: () => ({ n: 0 }) });
  const port = await serve(sessions);
  const client = new RawClient(port);
  onTestFinished(() => client.destroy());
  client.write(
    Buffer.from(
      "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nUpgrade: websocket\r\n" +
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    ),
  );
  expect((await client.refusal).status).toBe(400);
  expect(sessions.connections.size).toBe(0);
});

test("an upgrade that was waited for is answered inside another socket's cork, where the runtime leaves it alone", async () => {
  const sessions = createSessions({
    store: mapStore(),
    initial: async () => {
      await macrotask();
      return { n: 0 };
    },
  });
  const socket: { corked: number } = { corked: 0 };
  const port = await serve(sessions, {
    open(connection) {
      const own = socketOf(connection);
      const cork = own.cork.bind(own);
      own.cork = (callback) => {
        socket.corked += 1;
        return cork(callback);
      };
    },
    message: (connection, text) => void connection.send(text),
  });
  const clients = [];
  for (let round = 0; round < 5; round += 1) clients.push(await connect(port));
  for (const client of clients) {
    client.send("still here");
    expect(await client.next()).toBe("still here");
  }
  expect(socket.corked).toBe(4);
});

test("a misspelt option throws, and is not ignored", () => {
  const misspelt = { handleProtocol: () => undefined } as never;
  expect(() => bindSessions(uWS.App(), "/*", createSessions(), {}, misspelt)).toThrow(
    expect.objectContaining({
      code: "INVALID_ARGUMENT",
      message: expect.stringContaining('"handleProtocol"'),
    }),
  );
});

test("an object that is not an app, and a missing pattern, are refused at once", () => {
  const sessions = createSessions();
  for (const [app, pattern] of [
    [{}, "/*"],
    [null, "/*"],
    [uWS.App(), sessions],
    [uWS.App(), undefined],
  ])
    expect(() => bindSessions(app as never, pattern as never, sessions, {})).toThrow(
      expect.objectContaining({ code: "INVALID_ARGUMENT" }),
    );
});
