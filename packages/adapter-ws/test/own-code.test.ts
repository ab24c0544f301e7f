import { once } from "node:events";
import type { Socket } from "node:net";
import { bindSessions } from "@wsession/adapter-ws";
import { Client, frame, Opcode, until } from "@wsession/conformance";
import { createSessions } from "@wsession/core";
import type { Sessions } from "@wsession/core";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import type { ServerOptions, WebSocket } from "ws";
import { raw } from "./peers.ts";
import { closeAll, ways } from "./servers.ts";

type Data = { readonly n: number };

/** A server whose sockets the application has too. */
async function serve(options: Pick<ServerOptions, "verifyClient"> = {}) {
  const errors: unknown[] = [];
  const sessions: Sessions<Data, unknown, never> = createSessions<Data>({
    initial: () => ({ n: 0 }),
    onError: (error) => errors.push(error),
  });
  const { server, address, http } = await ways.port(options);
  bindSessions(server, sessions, {});
  onTestFinished(async () => {
    await sessions.close();
    await closeAll(server, http);
  });
  const arrived = async (): Promise<readonly [WebSocket, Socket]> => {
    const [socket, { socket: tcp }] = await once(server, "connection");
    return [socket, tcp];
  };
  return { sessions, errors, port: address.port, arrived };
}

test("a verifyClient that answers with a promise admits no client: 500, and onError gets a report", async () => {
  // oxlint-disable-next-line typescript/no-misused-promises -- the mistake that this test makes
  const { port, errors } = await serve({ verifyClient: async () => false });
  const client = raw(port);
  client.upgrade();
  expect((await client.response).status).toBe(500);
  expect(errors).toEqual([expect.objectContaining({ code: "INVALID_ARGUMENT" })]);
});

describe("a socket that the application uses too", () => {
  test("passes none of the peer's data to the application's listeners after close()", async () => {
    const { sessions, port, arrived } = await serve();
    const client = raw(port);
    const arriving = arrived();
    client.upgrade();
    const [socket, tcp] = await arriving;
    const received: string[] = [];
    for (const event of ["message", "ping", "pong"]) socket.on(event, () => received.push(event));
    client.write(frame("before"));
    await until(() => received.length === 1);
    const closed = once(socket, "close");
    sessions.of(socket)?.close();
    const read = tcp.bytesRead;
    client.write(frame("after"), frame("", { opcode: Opcode.Ping }), frame("", { opcode: Opcode.Pong }));
    await until(() => tcp.bytesRead > read);
    await closed;
    expect(received).toEqual(["message"]);
  });

  test("I3 is closed by this side though the application has paused it", async () => {
    const { sessions, port, arrived } = await serve();
    const arriving = arrived();
    const client = await Client.connect(`ws://127.0.0.1:${port}`);
    const [socket] = await arriving;
    socket.pause();
    const closed = once(socket, "close");
    const terminated = vi.spyOn(socket, "terminate");
    sessions.of(socket)?.close(4001, "closed");
    expect(await client.closed).toEqual({ code: 4001, reason: "closed" });
    await closed;
    // A socket that stays paused does not read the peer's close frame, and is terminated after two seconds.
    expect(terminated).not.toHaveBeenCalled();
  });

  test("keeps the idle time that the application has set on its TCP socket", async () => {
    const { sessions, port, arrived } = await serve();
    const client = raw(port);
    const arriving = arrived();
    client.upgrade();
    const [socket, tcp] = await arriving;
    await client.response;
    client.socket.pause();
    tcp.setTimeout(54_321);
    const connection = sessions.of(socket);
    connection?.send(new Uint8Array(16 * 1024 * 1024));
    expect(tcp.writableLength).toBeGreaterThan(0);
    connection?.close();
    expect(tcp.timeout).toBe(54_321);
  });
});
