import { asWebSocket } from "@wsession/adapter-ws";
import { runAdapterCase } from "@wsession/conformance";
import { createSessions, mapStore } from "@wsession/core";
import type { Connection } from "@wsession/core";
import { describe, expect, test } from "vitest";
import type { WebSocket } from "ws";
import { uwsHarness } from "../../packages/adapter-uws/test/servers.ts";
import { wsHarness } from "../../packages/adapter-ws/test/servers.ts";
import { connect, runtimeNames, serve } from "../runtimes.ts";
import { socketCases } from "./cases.ts";
import { dropping } from "./dropping.ts";

const harnesses = { ws: wsHarness("port"), uws: uwsHarness({ binary: "borrowed" }) };

describe.each(runtimeNames)("asWebSocket of a connection of %s", (runtime) => {
  for (const one of socketCases(asWebSocket))
    // oxlint-disable-next-line vitest/expect-expect -- the case asserts
    test(one.name, () => runAdapterCase(one, harnesses[runtime]));

  test("is one socket for each connection, and sessions.of() finds the connection", async () => {
    const sessions = createSessions({ store: mapStore(), initial: () => ({ name: "ada" }) });
    const found: unknown[] = [];
    const server = await serve(runtime, sessions, {
      message(connection) {
        const socket = asWebSocket(connection);
        found.push(asWebSocket(connection) === socket, sessions.of(socket) === connection);
        connection.send("done");
      },
    });
    const client = await connect(server);
    client.send("go");
    await client.next();
    expect(found).toEqual([true, true]);
  });
});

test("asWebSocket refuses an object that is not a connection", () => {
  expect(() => asWebSocket({} as Connection)).toThrow(expect.objectContaining({ code: "INVALID_ARGUMENT" }));
});

describe("the cases catch", () => {
  const rawSocket = ({ socket }: Connection): WebSocket => socket as WebSocket;

  test.each([
    ["the runtime's own socket", rawSocket, "I1 I2 messages that arrive before"],
    ["the runtime's own socket", rawSocket, "I4 no message reaches"],
    ["the runtime's own socket", rawSocket, "a client of v1.wsession"],
    ["a socket that drops messages", dropping, "messages wait until the first"],
  ] as const)("$0: $2", async (_, asSocket, name) => {
    const one = socketCases(asSocket).find((candidate) => candidate.name.startsWith(name));
    if (one === undefined) throw new Error(`no case is called ${name}`);
    const outcome = runAdapterCase(one, harnesses.ws, { timeoutMs: 1_000 }).then(
      () => "passed",
      () => "failed",
    );
    expect(await outcome).toBe("failed");
  });
});
