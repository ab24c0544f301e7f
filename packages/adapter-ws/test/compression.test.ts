import { bindSessions } from "@wsession/adapter-ws";
import { Client, deferred, Journal } from "@wsession/conformance";
import { createSessions } from "@wsession/core";
import type { Connection } from "@wsession/core";
import { expect, onTestFinished, test, vi } from "vitest";
import type { WebSocket } from "ws";
import { closeAll, ways } from "./servers.ts";

const LONG = "x".repeat(200_000);

/** A server that compresses all that it sends, and clients that agree to that. */
async function serve(clients: number, handlers: { drain(connection: Connection): void }) {
  const opened = new Journal<Connection>();
  const sessions = createSessions({ initial: () => ({ n: 0 }) });
  const { server, address, http } = await ways.port({ perMessageDeflate: { threshold: 0 } });
  bindSessions(server, sessions, { ...handlers, open: (connection) => opened.note(connection) });
  onTestFinished(async () => {
    await sessions.close();
    await closeAll(server, http);
  });
  const connected = await Promise.all(
    Array.from({ length: clients }, () => Client.connect(`ws://127.0.0.1:${address.port}/`)),
  );
  onTestFinished(() => connected.forEach(({ socket }) => socket.terminate()));
  await opened.until(clients);
  return { connections: opened.entries, clients: connected };
}

test("fault E8: while messages are compressed nothing polls; each connection gets its drain event once", async () => {
  const drained = new Journal<number>();
  const { connections, clients } = await serve(20, {
    drain: ({ bufferedAmount }) => drained.note(bufferedAmount),
  });
  const immediate = vi.spyOn(globalThis, "setImmediate");
  const timeout = vi.spyOn(globalThis, "setTimeout");
  onTestFinished(() => void vi.restoreAllMocks());
  for (const connection of connections)
    for (const text of [LONG, LONG, "short"]) expect(connection.send(text)).toBe("queued");
  await drained.until(20);
  const looks = immediate.mock.calls.length + timeout.mock.calls.length;
  for (const client of clients)
    for (const length of [200_000, 200_000, 5]) expect(await client.next()).toHaveLength(length);
  expect(drained.entries).toEqual(Array.from({ length: 20 }, () => 0));
  expect(looks).toBeLessThan(20);
});

test("drain also waits for messages that the application passed to ws directly", async () => {
  const drained = deferred<number>();
  const { connections, clients } = await serve(1, {
    drain: ({ bufferedAmount }) => drained.resolve(bufferedAmount),
  });
  const [connection = expect.unreachable()] = connections;
  expect(connection.send("ours")).toBe("queued");
  for (let sent = 0; sent < 4; sent += 1) (connection.socket as WebSocket).send(LONG);
  expect(await drained.promise).toBe(0);
  expect(await clients[0]?.next()).toBe("ours");
});
