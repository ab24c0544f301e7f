import { once } from "node:events";
import { createServer } from "node:http";
import type { IncomingMessage } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { bindSessions, transportOf } from "@wsession/adapter-ws";
import { Journal, until } from "@wsession/conformance";
import { accept, createSessions, isSessionError, mapStore, protocolToken, reject } from "@wsession/core";
import { describe, expect, onTestFinished, test } from "vitest";
import { WebSocketServer } from "ws";
import { raw } from "./peers.ts";
import { closeAll, ways } from "./servers.ts";
import { type Data, connect, serve } from "./bound-server.ts";

async function answer(port: number, path = "/"): Promise<number> {
  const client = raw(port);
  client.upgrade({ path });
  return (await client.response).status;
}

/** Sessions that admit every handshake, and the addresses that `admit` got. */
function recordedAdmissions() {
  const asked: string[] = [];
  const sessions = createSessions<Data>({
    admit: ({ url }) => {
      asked.push(url);
      return accept();
    },
  });
  return { asked, sessions };
}

describe.each(["port", "server", "noServer"] as const)("a server made with `%s`", (way) => {
  test("the user's synchronous verifyClient is asked first; a handshake that it refuses never reaches admit", async () => {
    const { asked, sessions } = recordedAdmissions();
    const { port } = await serve(
      way,
      { verifyClient: ({ req }: { readonly req: IncomingMessage }) => req.url === "/yes" },
      sessions,
    );
    expect(await answer(port, "/no")).toBe(401);
    expect(await answer(port, "/yes")).toBe(101);
    expect(asked).toEqual(["/yes"]);
  });

  test("the user's asynchronous verifyClient is asked first, with a status, a text and headers of its own", async () => {
    const { asked, sessions } = recordedAdmissions();
    const { port } = await serve(
      way,
      {
        verifyClient: ({ req }, verified) => {
          setImmediate(() => verified(req.url === "/yes", 402, "pay first", { "x-price": "1" }));
        },
      },
      sessions,
    );
    const refused = raw(port);
    refused.upgrade({ path: "/no" });
    const { status, headers, body } = await refused.refusal;
    expect({ status, body }).toEqual({ status: 402, body: "pay first" });
    expect(headers).toContainEqual(["x-price", "1"]);
    expect(await answer(port, "/yes")).toBe(101);
    expect(asked).toEqual(["/yes"]);
  });

  test("the user's handleProtocols chooses, and is never shown a token", async () => {
    const shown: string[][] = [];
    const sessions = createSessions({ store: mapStore(), token: protocolToken(), initial: () => ({ n: 0 }) });
    const { port } = await serve(
      way,
      {
        handleProtocols: (protocols) => {
          shown.push([...protocols]);
          return "b";
        },
      },
      sessions,
    );
    const { token } = await sessions.create({ n: 1 });
    const client = await connect(port, ["a", `wsession.${token}`, "b"]);
    expect(client.socket.protocol).toBe("b");
    expect(shown).toEqual([["a", "b"]]);
  });

  test("clientTracking, perMessageDeflate and maxPayload keep the user's values", async () => {
    const closed = new Journal<number>();
    const sessions = createSessions({ initial: () => ({ n: 0 }) });
    const options = { clientTracking: false, perMessageDeflate: { threshold: 0 }, maxPayload: 1_000 };
    const { port } = await serve(way, options, sessions, {
      message: (connection, data) => void connection.send(data),
      close: (_, { code }) => closed.note(code),
    });
    const client = await connect(port);
    expect(client.socket.extensions).toContain("permessage-deflate");
    client.send("x".repeat(1_000));
    expect(await client.next()).toBe("x".repeat(1_000));
    client.send("x".repeat(1_001));
    expect((await client.closed).code).toBe(1009);
    await closed.until(1);
    expect(closed.entries).toHaveLength(1);
  });

  test("a listener of the user's own for `connection` finds the connection by its socket", async () => {
    const found = new Journal<unknown>();
    const sessions = createSessions({ initial: () => ({ n: 7 }) });
    const { port, server } = await serve(way, {}, sessions);
    server.on("connection", (socket) => found.note(sessions.of(socket)?.session.data));
    await connect(port);
    await found.until(1);
    expect(found.entries).toEqual([{ n: 7 }]);
  });
});

describe("HTTP code before the upgrade", () => {
  test("the data that it puts on the TCP socket's record reaches `transport`, and without that option it is the data of the record", async () => {
    for (const transport of [undefined, (_: unknown, found: unknown) => ({ wrapped: found })]) {
      const observed = new Journal<unknown>();
      const sessions = createSessions<Data>({ initial: () => ({ n: 0 }), transport });
      const { server, address, http } = await ways.server();
      http.prependListener("upgrade", (request) => {
        transportOf(request.socket).data = { certificate: request.url };
      });
      bindSessions(server, sessions, { open: (connection) => observed.note(connection.transport.data) });
      onTestFinished(() => closeAll(server, http));
      expect(await answer(address.port, "/me")).toBe(101);
      await observed.until(1);
      const put = { certificate: "/me" };
      expect(observed.entries).toEqual([transport === undefined ? put : { wrapped: put }]);
    }
  });

  test("the data that it puts on the TCP socket's record reaches `admit`, before the decision", async () => {
    const observed = new Journal<unknown>();
    const sessions = createSessions({
      admit: (_, found) => (found === "banned" ? reject(403) : accept({ context: { found } })),
      initial: (_, { found }) => ({ found }),
    });
    const { server, address, http } = await ways.server();
    http.prependListener("upgrade", (request) => {
      transportOf(request.socket).data = request.url?.slice(1);
    });
    bindSessions(server, sessions, {
      open: ({ session, context }) => observed.note([session.data, context]),
    });
    onTestFinished(() => closeAll(server, http));
    expect(await answer(address.port, "/banned")).toBe(403);
    expect(await answer(address.port, "/ann")).toBe(101);
    await observed.until(1);
    expect(observed.entries).toEqual([[{ found: "ann" }, { found: "ann" }]]);
  });

  test("noServer without emitting `connection` is reported, and its session is released", async () => {
    const errors = new Journal<unknown>();
    const store = mapStore();
    const sessions = createSessions({
      store,
      initial: () => ({ n: 0 }),
      onError: (error) => errors.note(error),
    });
    const http = createServer().listen(0, "127.0.0.1");
    await once(http, "listening");
    const server = new WebSocketServer({ noServer: true });
    http.on("upgrade", (request, socket: Socket, head) =>
      server.handleUpgrade(request, socket, head, () => undefined),
    );
    bindSessions(server, sessions, {});
    onTestFinished(() => closeAll(server, http));
    expect(await answer((http.address() as AddressInfo).port)).toBe(101);
    await errors.until(1);
    expect(isSessionError(errors.entries[0], "INVALID_ARGUMENT")).toBe(true);
    expect(String(errors.entries[0])).toContain("`connection` must be emitted");
    await until(() => store.size === 0);
    expect(sessions.diagnostics.handshakesAbandoned).toBe(1);
  });

  test("a socket that was never admitted is closed and reported, instead of having no session", async () => {
    const errors = new Journal<unknown>();
    const sessions = createSessions({ initial: () => ({ n: 0 }), onError: (error) => errors.note(error) });
    const { port, server } = await serve("port", {}, sessions);
    delete server.options.verifyClient;
    const client = await connect(port);
    expect((await client.closed).code).toBe(1011);
    expect(errors.entries).toHaveLength(1);
    expect(sessions.connections.size).toBe(0);
  });
});
