import { once } from "node:events";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { bindSessions } from "@wsession/adapter-ws";
import { createSessions, isSessionError, mapStore } from "@wsession/core";
import { WebSocket, WebSocketServer } from "ws";

const sessions = createSessions({ store: mapStore(), initial: () => ({ clicks: 0 }) });
const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });

beforeAll(async () => {
  bindSessions(server, sessions, {
    async message(connection) {
      const { clicks } = await connection.session.update((data) => ({ clicks: data.clicks + 1 }));
      connection.send(`${clicks}`);
    },
  });
  await once(server, "listening");
});
afterAll(async () => {
  await sessions.close();
  server.close();
});

test("a click is counted in the session", async () => {
  const socket = new WebSocket(`ws://127.0.0.1:${server.address().port}`);
  await once(socket, "open");
  socket.send("click");
  const [answer] = await once(socket, "message");
  expect(String(answer)).toBe("1");
  const [connection] = sessions.connections;
  expect(connection.session.data).toEqual({ clicks: 1 });
  socket.close();
});

test("an error of wsession is recognised by its code", () => {
  let thrown;
  try {
    createSessions({ idleMs: "1000" });
  } catch (error) {
    thrown = error;
  }
  expect(isSessionError(thrown, "INVALID_ARGUMENT")).toBe(true);
});
