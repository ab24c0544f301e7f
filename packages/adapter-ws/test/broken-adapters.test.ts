import { adapterCases, runAdapterCase } from "@wsession/conformance";
import type { AdapterCase, AdapterHarness } from "@wsession/conformance";
import type { HandshakeAnswer, Runtime, RuntimeBinding, RuntimeConnection } from "@wsession/core/runtime";
import { describe, expect, test } from "vitest";
import type { WebSocket } from "ws";
import { wsHarness } from "./servers.ts";

const EARLY = "I1 messages sent in the tick of the client's open wait for an async initial and an async open";
const EAGER =
  "I2 frames in the TCP segment of the upgrade request are handled as messages, each once and in order";
const ORDER = "I2 500 messages reach a synchronous handler in order, each once";
const ONE_ORDER =
  "I1 I2 messages that wait at the gate and later messages reach the handler in arrival order";
const LIFE =
  "I4 open, then messages, then close, which gets the unchanged session and the peer's code and reason";
const TERMINATE =
  "I4 terminate inside open, inside a message and inside close ends the connection, and close comes once";

const SLOW_READER =
  "heartbeatMs does not end a peer that steadily reads one message of 8 MiB over a slow line (fault C1)";
const NON_READER =
  "heartbeatMs ends with 1006 a peer that keeps its socket open and reads nothing of 24 MiB (fault C1)";
const COUNTED =
  "a connection that this side has ended no longer counts as live, even if its peer answers nothing (fault C8)";
const IGNORES_CLOSE =
  "after destroy() nothing of a peer that ignores the close frame is handled, and its socket ends soon (fault A6)";

const WHO_ENDED = [
  "heartbeatMs ends a half-open connection, whose peer answers no ping, with 1006",
  "the close handler and closed say who ended the connection: a frame with a reserved opcode",
];
const HEADERS = [
  "a header of accept with several values is sent once for each, beside the cookie of the token",
  "the headers of reject are sent with the refusal; a client of v1.wsession gets them with the 101 before its close code",
];
const PROTOCOL =
  "connection.protocol is the application's subprotocol, with and without v1.wsession, and empty without one";
const CHOICE =
  "a client of v1.wsession is answered with v1.wsession; the application chooses among its own subprotocols, and gets no others";
const KEPT =
  "I15 kept messages reach a client in order, among plain messages, and both sides count the same offsets";
const BACK =
  "I16 a client that comes back gets every message after its position, then live messages, and no message twice";

/** `target` with some members replaced. */
function overriding<Target extends object>(target: Target, members: Partial<Target>): Target {
  return new Proxy(target, {
    get(_, key) {
      if (Object.hasOwn(members, key)) return Reflect.get(members, key);
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

/** The adapter for ws, with something between it and core. */
function broken(
  connectionOf: (connection: RuntimeConnection) => RuntimeConnection,
  closes = 1,
  runtimeOf: <Socket extends object>(runtime: Runtime<Socket>) => Runtime<Socket> = (runtime) => runtime,
  answerOf: (answer: HandshakeAnswer) => HandshakeAnswer = (answer) => answer,
): AdapterHarness {
  const harness = wsHarness("port");
  return {
    ...harness,
    listen: (sessions, handlers) =>
      harness.listen(
        overriding(sessions, {
          bind<Socket extends object>(...[runtime, given]: Parameters<typeof sessions.bind<Socket>>) {
            const binding: RuntimeBinding<Socket> = sessions.bind(runtimeOf(runtime), given);
            return overriding(binding, {
              admit: async (handshake, found) => answerOf(await binding.admit(handshake, found)),
              open: (socket, ticket) => connectionOf(binding.open(socket, ticket)),
            });
          },
        }),
        {
          ...handlers,
          async close(connection, event) {
            for (let times = 0; times < closes; times += 1) await handlers.close?.(connection, event);
          },
        },
      ),
  };
}

/** Listens a turn after the first message is there. */
const dropsEarlyFrames = broken((connection) => {
  let listening = false;
  return overriding(connection, {
    receive(data) {
      if (listening) connection.receive(data);
      else setImmediate(() => (listening = true));
    },
  });
});

/** Hands each message to a task of its own, and tasks overtake. */
const reorders = broken((connection) => {
  let turn = 0;
  return overriding(connection, {
    receive(data) {
      turn += 1;
      if (turn % 2 === 0) connection.receive(data);
      else setImmediate(() => connection.receive(data));
    },
  });
});

/** Reports the code and the reason of an end alone. */
const forgetsWhoEnded = broken((connection) =>
  overriding(connection, { ended: (code, reason) => connection.ended(code, reason) }),
);

/** Sends a refusal without the application's headers, and one line for each name on the 101. */
const losesHeaders = broken(
  (connection) => connection,
  1,
  (runtime) => runtime,
  (answer) =>
    answer.type === "reject"
      ? { ...answer, headers: undefined }
      : { ...answer, headers: [...new Map(answer.headers.map((line) => [line[0], line])).values()] },
);

const closesTwice = broken((connection) => connection, 2);

/** Sends a long message in one frame, and no ping among what is written; nor does its heartbeat look at what is taken. */
const judgesByPongs = broken(
  (connection) => connection,
  1,
  (runtime) => {
    const unanswered = new WeakMap<object, number>();
    return overriding(runtime, {
      sendLong: undefined,
      ping: undefined,
      heartbeat(socket) {
        const { bytesRead = 0 } = tcpOf(socket) ?? {};
        if (unanswered.get(socket) === bytesRead) return runtime.terminate(socket);
        unanswered.set(socket, bytesRead);
        pingOf(socket);
      },
    });
  },
);

/** Ends no connection whose socket is open. */
const neverJudges = broken(
  (connection) => connection,
  1,
  (runtime) => overriding(runtime, { heartbeat: () => undefined }),
);

/** Starts the closing handshake, and leaves the rest to the peer. */
const waitsForThePeer = broken(
  (connection) => connection,
  1,
  (runtime) => overriding(runtime, { terminate: () => undefined, isTaking: () => true }),
);

function tcpOf(socket: object): { readonly bytesRead?: number } | undefined {
  return Reflect.get(socket, "_socket") as { readonly bytesRead?: number } | undefined;
}

function pingOf(socket: object): void {
  (socket as WebSocket).ping();
}

/** For a case that the adapter has to pass. A busy machine may take longer than the second after which a case fails here. */
const PATIENT_MS = 20_000;

function passes(harness: AdapterHarness, name: string): Promise<void> {
  return runAdapterCase(caseOf(name), harness, { timeoutMs: PATIENT_MS });
}

function fails(harness: AdapterHarness, name: string, timeoutMs = 1_000): Promise<boolean> {
  return runAdapterCase(caseOf(name), harness, { timeoutMs }).then(
    () => false,
    () => true,
  );
}

function caseOf(name: string): AdapterCase {
  const one = Object.values(adapterCases)
    .flat()
    .find((candidate) => candidate.name === name);
  return one ?? expect.fail(`no case is called ${name}`);
}

const forgetsTheChoice = broken((connection) => connection);

const ignoresTheSubprotocol = broken(
  (connection) => connection,
  1,
  (runtime) => overriding(runtime, { speaksSubprotocol: false }),
);

const losesKeptMessages = broken(
  (connection) => connection,
  1,
  (runtime) =>
    overriding(runtime, {
      send: (socket, data) => (isKeptFrame(data) ? "sent" : runtime.send(socket, data)),
      sendAll: (socket, messages) =>
        runtime.sendAll?.(
          socket,
          messages.filter((one) => !isKeptFrame(one)),
        ) ?? "sent",
    }),
);

function isKeptFrame(data: string | Uint8Array): boolean {
  return typeof data === "string" && data.startsWith("=");
}

describe("the suite for adapters catches", () => {
  test.each([CHOICE, KEPT, BACK])("no error in the correct adapter: %s", async (name) => {
    await expect(passes(wsHarness("port"), name)).resolves.toBeUndefined();
  });

  test("an adapter that does not pass on the subprotocol that the application chose for a client of v1.wsession", async () => {
    expect(await fails(forgetsTheChoice, CHOICE)).toBe(true);
    await expect(passes(forgetsTheChoice, KEPT)).resolves.toBeUndefined();
  });

  test.each([CHOICE, KEPT, BACK])(
    "an adapter that does not answer with the subprotocol: %s",
    async (name) => {
      expect(await fails(ignoresTheSubprotocol, name)).toBe(true);
    },
  );

  test.each([KEPT, BACK])("an adapter that loses frames: %s", async (name) => {
    expect(await fails(losesKeptMessages, name)).toBe(true);
  });

  test.each([EARLY, EAGER, ORDER, ONE_ORDER, LIFE, TERMINATE])(
    "no error in the correct adapter: %s",
    async (name) => {
      await expect(passes(wsHarness("port"), name)).resolves.toBeUndefined();
    },
  );

  test.each([EARLY, EAGER, ORDER])("an adapter that drops early frames: %s", async (name) => {
    expect(await fails(dropsEarlyFrames, name)).toBe(true);
  });

  test.each([EAGER, ORDER, ONE_ORDER])("an adapter that reorders: %s", async (name) => {
    expect(await fails(reorders, name)).toBe(true);
  });

  test.each([SLOW_READER, NON_READER, COUNTED, IGNORES_CLOSE])(
    "no error in the correct adapter: %s",
    async (name) => {
      await expect(passes(wsHarness("port"), name)).resolves.toBeUndefined();
    },
  );

  test("an adapter that judges a peer by its pongs alone", async () => {
    expect(await fails(judgesByPongs, SLOW_READER, 10_000)).toBe(true);
  });

  test("an adapter whose heartbeat ends no connection", async () => {
    expect(await fails(neverJudges, NON_READER, 5_000)).toBe(true);
  });

  test.each([COUNTED, IGNORES_CLOSE])("an adapter that waits for the peer to close: %s", async (name) => {
    expect(await fails(waitsForThePeer, name, 5_000)).toBe(true);
  });

  test.each([...WHO_ENDED, ...HEADERS, PROTOCOL])("no error in the correct adapter: %s", async (name) => {
    await expect(passes(wsHarness("port"), name)).resolves.toBeUndefined();
  });

  test.each(WHO_ENDED)("an adapter that does not say who ended a connection: %s", async (name) => {
    expect(await fails(forgetsWhoEnded, name)).toBe(true);
  });

  test.each(HEADERS)("an adapter that loses headers: %s", async (name) => {
    expect(await fails(losesHeaders, name)).toBe(true);
  });

  test("an adapter that does not pass on the subprotocol", async () => {
    expect(await fails(forgetsTheChoice, PROTOCOL)).toBe(true);
  });

  test.each([LIFE, TERMINATE])("an adapter that calls close twice: %s", async (name) => {
    expect(await fails(closesTwice, name)).toBe(true);
  });
});
