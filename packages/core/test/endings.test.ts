import { setTimeout as wait } from "node:timers/promises";
import { createSessions } from "@wsession/core";
import { expect, test } from "vitest";
import { serveInMemory } from "./memory-runtime.ts";

type Data = { readonly n: number };

test("I4 the close handler gets the code and reason of this side, whatever the peer answers; later messages are counted as discarded", async () => {
  const sessions = createSessions<Data>({ initial: () => ({ n: 0 }) });
  let ended: unknown;
  const server = serveInMemory(sessions, { close: (_, event) => (ended = event) });
  const { connection, socket, receive } = await server.connect();
  connection.close(4001, "mine");
  receive("late");
  socket.connection?.ended(1005, "the peer's");
  await expect.poll(() => ended).toEqual({ code: 4001, reason: "mine", by: "server" });
  expect(sessions.diagnostics.messagesDiscarded).toBe(1);
});

test("I14 early.timeoutMs does not close a connection whose session is set in time, also after open has settled", async () => {
  const sessions = createSessions<Data>({ early: { timeoutMs: 300 } });
  const { connection, socket } = await serveInMemory(sessions).connect();
  await connection.setSession({ n: 0 });
  await wait(500);
  expect(socket.closedWith).toBeUndefined();
});
