import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { bindSessions } from "@wsession/adapter-ws";
import { Client, Journal } from "@wsession/conformance";
import { createSessions, mapStore, SessionError } from "@wsession/core";
import type { Connection } from "@wsession/core";
import { expect, onTestFinished, test } from "vitest";
import { Server as Server7 } from "ws-7";
import { WebSocket as OtherWebSocket, WebSocketServer as OtherServer } from "ws-copy";
import { WebSocket } from "ws";

test("fault F6: sessions.of finds the connection of a socket from a second copy of ws, and the library works with it", async () => {
  expect(OtherWebSocket).not.toBe(WebSocket);
  const server = new OtherServer({ port: 0, host: "127.0.0.1" });
  await once(server, "listening");
  const found = new Journal<string | undefined>();
  const opened = new Journal<Connection<{ readonly n: number }, unknown, never>>();
  const closed = new Journal<number>();
  const sessions = createSessions({ store: mapStore(), initial: () => ({ n: 0 }) });
  bindSessions(server, sessions, {
    open(connection) {
      found.note(sessions.of(connection.socket as object)?.id);
      opened.note(connection);
    },
    message: (connection, data) => void connection.send(data),
    close: (_, { code }) => closed.note(code),
  });
  server.on("connection", (socket) => found.note(sessions.of(socket)?.id));
  onTestFinished(async () => {
    await sessions.close();
    server.close();
  });
  const client = await Client.connect(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`);
  onTestFinished(() => client.socket.terminate());
  await opened.until(1);
  const [connection = expect.unreachable()] = opened.entries;
  expect(found.entries).toEqual([connection.id, connection.id]);
  client.send(Buffer.of(1, 2, 3));
  expect(await client.next()).toEqual(Buffer.of(1, 2, 3));
  expect(sessions.of({})).toBeUndefined();
  connection.close(4000, "bye");
  expect(await client.closed).toEqual({ code: 4000, reason: "bye" });
  await closed.until(1);
  expect(connection.send("late")).toBe("closed");
  expect(sessions.of(connection.socket as object)).toBe(connection);
});

test.each(["port", "server", "noServer"] as const)(
  "fault F7: a server of ws 7, made with `%s`, is refused with INVALID_ARGUMENT, which names the versions, and stays as it was",
  async (way) => {
    const http = createServer().listen(0, "127.0.0.1");
    await once(http, "listening");
    const server = new Server7(
      way === "port"
        ? { port: 0, host: "127.0.0.1" }
        : way === "server"
          ? { server: http }
          : { noServer: true },
    );
    onTestFinished(() => {
      server.close();
      http.close();
    });
    if (way === "port") await once(server, "listening");
    if (way === "noServer")
      http.on("upgrade", (request, socket: Socket, head) =>
        server.handleUpgrade(request, socket, head, (webSocket) =>
          server.emit("connection", webSocket, request),
        ),
      );
    const sessions = createSessions({ initial: () => ({ n: 0 }) });
    expect(() => bindSessions(server, sessions, {})).toThrow(SessionError);
    expect(() => bindSessions(server, sessions, {})).toThrow(/\^8\.18\.0/);
    server.on("connection", (socket) => socket.send("as it was"));
    const { port } = (way === "port" ? server : http).address() as AddressInfo;
    const client = await Client.connect(`ws://127.0.0.1:${port}`);
    onTestFinished(() => client.socket.terminate());
    expect(await client.next()).toBe("as it was");
    expect(sessions.diagnostics.handshakesAccepted).toBe(0);
  },
);
