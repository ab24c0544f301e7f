import { once } from "node:events";
import { IncomingMessage } from "node:http";
import { Socket } from "node:net";
import { Duplex } from "node:stream";
import { bindSessions } from "@wsession/adapter-ws";
import { Client, frame, Journal, Opcode, RawClient, warningsDuring } from "@wsession/conformance";
import { createSessions, mapStore, protocolToken } from "@wsession/core";
import type { Handlers, SessionsOptions, Stage } from "@wsession/core";
import { describe, expect, onTestFinished, test } from "vitest";
import { WebSocketServer } from "ws";
import type { ServerOptions } from "ws";
import { statusOf } from "./peers.ts";
import { closeAll, ways } from "./servers.ts";
import type { Way } from "./servers.ts";

type Data = { readonly n: number };

interface Report {
  readonly stage: Stage;
  readonly message: string;
}

const initial = (): Data => ({ n: 0 });

/** What reached `onError`, and the option that puts it there. */
function listener() {
  const errors = new Journal<Report>();
  const onError = (error: unknown, { stage }: { readonly stage: Stage }) =>
    errors.note({ stage, message: error instanceof Error ? error.message : String(error) });
  return { errors, onError };
}

async function serve(
  options: Omit<ServerOptions, "port" | "server" | "noServer"> = {},
  sessionsOptions: Pick<SessionsOptions<Data>, "onError" | "store" | "token"> = {},
  handlers: Handlers<Data, unknown, never> = {},
  way: Way = "port",
) {
  const { errors, onError } = listener();
  const { server, address, http } = await ways[way](options);
  const sessions = createSessions({ initial, onError, ...sessionsOptions });
  bindSessions(server, sessions, handlers);
  onTestFinished(async () => {
    await sessions.close();
    await closeAll(server, http);
  });
  return { server, http, port: address.port, sessions, errors };
}

async function connect(port: number): Promise<Client> {
  const client = await Client.connect(`ws://127.0.0.1:${port}`);
  onTestFinished(() => client.socket.terminate());
  return client;
}

const typo = () => {
  throw new Error("a typo");
};

describe("fault F1: the application's mistakes are reported as stage adapter, and as a warning without onError", () => {
  test.each(["port", "server", "noServer"] as const)(
    "an exception in its own `connection` listener, on a server made with `%s`; the connection continues",
    async (way) => {
      const { server, port, errors } = await serve({}, {}, { message: (c, text) => void c.send(text) }, way);
      server.on("connection", typo);
      const client = await connect(port);
      await errors.until(1);
      expect(errors.entries).toEqual([{ stage: "adapter", message: "a typo" }]);
      client.send("hello");
      expect(await client.next()).toBe("hello");
    },
  );

  test("an exception in a `connection` listener that comes before ours: after the 101 no other answer follows", async () => {
    const { server, port, errors, sessions } = await serve();
    server.prependListener("connection", typo);
    const client = await connect(port);
    expect((await client.closed).code).toBe(1006);
    await errors.until(1);
    expect(errors.entries).toEqual([{ stage: "adapter", message: "a typo" }]);
    expect(sessions.diagnostics.handshakesAbandoned).toBe(1);
  });

  test("sessions that are bound after the first handshake was let in", async () => {
    const { server, address } = await ways.port();
    onTestFinished(() => closeAll(server, undefined));
    const { errors, onError } = listener();
    const sessions = createSessions<Data>({ initial, onError });
    server.once("headers", () => bindSessions(server, sessions, {}));
    const client = await connect(address.port);
    expect((await client.closed).code).toBe(1011);
    expect(errors.entries).toEqual([
      {
        stage: "adapter",
        message: "a connection was not admitted: call bindSessions once, before the first connection",
      },
    ]);
    await sessions.close();
  });

  test('binaryType "blob"', async () => {
    const { server, port, errors } = await serve();
    server.on("connection", (socket) => void Object.assign(socket, { binaryType: "blob" }));
    const client = await connect(port);
    client.send(Buffer.of(1));
    expect((await client.closed).code).toBe(1011);
    expect(errors.entries).toEqual([
      { stage: "adapter", message: 'binaryType must not be "blob", because a Blob can\'t be read in order' },
    ]);
  });

  test("without onError they are warnings", async () => {
    const warned = await warningsDuring("WsessionWarning", async () => {
      const { server, port } = await serve({}, { onError: undefined });
      server.on("connection", typo);
      const warning = once(process, "warning");
      await connect(port);
      await warning;
    });
    expect(warned.map(({ message }) => message)).toEqual(["adapter: a typo; give createSessions an onError"]);
  });
});

describe("fault F1: errors of strangers are counted, reported to an explicit onError as stage client, and never a warning", () => {
  const offences = {
    "text that is no UTF-8": frame(Buffer.of(0xff), { opcode: Opcode.Text }),
    "a frame without a mask": Buffer.of(0x81, 0x01, 0x78),
    "a message that is too long": frame("x".repeat(2_000)),
    "a reserved opcode": frame("", { opcode: 3 }),
  };
  test.each(Object.entries(offences))("%s", async (_, bytes) => {
    const warned = await warningsDuring("WsessionWarning", async () => {
      for (const onError of [undefined, "listener"] as const) {
        const { errors, ...own } = listener();
        const { port, sessions } = await serve(
          { maxPayload: 1_000 },
          { onError: onError === undefined ? undefined : own.onError },
        );
        const client = new RawClient(port);
        onTestFinished(() => client.destroy());
        client.upgrade({ frames: [bytes] });
        // ws waits for the answer to its close frame.
        await client.response;
        client.socket.end();
        await client.closed;
        expect(sessions.diagnostics.clientErrors).toBe(1);
        expect(errors.entries.map(({ stage }) => stage)).toEqual(onError === undefined ? [] : ["client"]);
      }
    });
    expect(warned).toEqual([]);
  });
});

describe("fault F5: every handshake is answered, and a mistake in it is reported", () => {
  test.each(["server", "noServer"] as const)(
    "a header that HTTP code set to a number: 500 (a server made with `%s`)",
    async (way) => {
      const { http, port, errors } = await serve({}, {}, {}, way);
      http?.prependListener("upgrade", ({ headers }) => void Object.assign(headers, { "x-hops": 3 }));
      expect(await statusOf(port)).toBe(500);
      expect(errors.entries).toEqual([
        { stage: "adapter", message: 'the value of the request\'s header "x-hops" must be a string' },
      ]);
    },
  );

  test("a header that ws itself reads, set to a value that is not a string: 500", async () => {
    const { http, port, errors } = await serve({}, {}, {}, "server");
    http?.prependListener("upgrade", ({ headers }) => void Object.assign(headers, { upgrade: 1 }));
    expect(await statusOf(port)).toBe(500);
    expect(errors.entries).toHaveLength(1);
  });

  /** The bytes that are written to a stream until it ends. */
  async function writtenTo(upgrade: (stream: Duplex) => void): Promise<string> {
    const chunks: Buffer[] = [];
    const stream = new Duplex({
      read: () => undefined,
      write(chunk: Buffer, _encoding, done) {
        chunks.push(chunk);
        done();
      },
    });
    upgrade(stream);
    await once(stream, "close");
    return Buffer.concat(chunks).toString();
  }

  test.each([undefined, null])(
    "a request whose socket is %s, as test clients of frameworks make: 500",
    async (socket) => {
      const { errors, onError } = listener();
      const sessions = createSessions<Data>({ initial, onError });
      const server = new WebSocketServer({ noServer: true });
      bindSessions(server, sessions, {});
      const request = {
        method: "GET",
        url: "/",
        httpVersion: "1.1",
        headers: {
          connection: "upgrade",
          upgrade: "websocket",
          "sec-websocket-version": "13",
          "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
        },
        ...(socket === undefined ? {} : { socket }),
      };
      const written = await writtenTo((stream) =>
        server.handleUpgrade(request as unknown as IncomingMessage, stream, Buffer.alloc(0), () =>
          expect.unreachable(),
        ),
      );
      expect(written).toMatch(/^HTTP\/1\.1 500 /);
      expect(errors.entries).toEqual([
        { stage: "adapter", message: "the request must come from a server, because it needs a socket" },
      ]);
      await sessions.close();
    },
  );

  test.each([
    ["whose socket is of a stream that is none of the network's", "13"],
    ["of @fastify/websocket's injectWS, whose sec-websocket-version is a number", 13],
  ])("a request %s is served", async (_, version) => {
    const { errors, onError } = listener();
    const sessions = createSessions<Data>({ initial, onError });
    const server = new WebSocketServer({ noServer: true });
    bindSessions(server, sessions, {});
    const request = new IncomingMessage(new Socket());
    Object.assign(request, { method: "GET", url: "/" });
    Object.assign(request.headers, {
      upgrade: "websocket",
      "sec-websocket-version": version,
      "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
    });
    const written = await writtenTo((stream) => {
      server.handleUpgrade(request, stream, Buffer.alloc(0), (socket) => {
        server.emit("connection", socket, request);
        socket.terminate();
      });
    });
    expect(written).toMatch(/^HTTP\/1\.1 101 /);
    expect(errors.entries).toEqual([]);
    await sessions.close();
  });

  const verifiers: Record<string, unknown> = {
    "synchronous, throws": () => typo(),
    "with a callback, throws": (_info: unknown, _answer: unknown) => typo(),
    "with a callback, rejects": async (_info: unknown, _answer: unknown) => typo(),
    "synchronous, answers with a promise": async () => false,
  };
  test.each(Object.entries(verifiers))(
    "the user's verifyClient, %s: 500, and no client is admitted",
    async (_, verifyClient) => {
      const { port, errors } = await serve({ verifyClient: verifyClient as never });
      expect(await statusOf(port)).toBe(500);
      expect(errors.entries).toHaveLength(1);
      expect(errors.entries[0]?.stage).toBe("adapter");
    },
  );

  test("the user's verifyClient answers twice: the first counts", async () => {
    const { port, errors } = await serve({
      verifyClient: (_, answer) => {
        answer(true);
        answer(true);
        answer(false, 403);
      },
    });
    const client = await connect(port);
    await client.roundTrip();
    expect(errors.entries.map(({ message }) => message)).toEqual([
      "verifyClient called its callback twice",
      "verifyClient called its callback twice",
    ]);
  });

  test("the user's handleProtocols answers with a promise: 500", async () => {
    const { port, errors } = await serve(
      { handleProtocols: (() => Promise.reject(new Error("late"))) as unknown as () => false },
      { store: mapStore(), token: protocolToken() },
    );
    expect(await statusOf(port, { headers: [["Sec-WebSocket-Protocol", "a"]] })).toBe(500);
    expect(errors.entries).toEqual([{ stage: "adapter", message: "handleProtocols must be synchronous" }]);
  });
});

test("I12 a connection that is reset by its peer, over and over, warns of nothing", async () => {
  const warned = await warningsDuring("WsessionWarning", async () => {
    const closed = new Journal<number>();
    const { port } = await serve({}, { onError: undefined }, { close: (_, { code }) => closed.note(code) });
    for (let count = 0; count < 10; count += 1) {
      const client = await connect(port);
      Reflect.get(client.socket, "_socket").resetAndDestroy();
    }
    await closed.until(10);
  });
  expect(warned).toEqual([]);
});
