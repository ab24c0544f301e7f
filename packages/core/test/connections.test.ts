import { createSessions } from "@wsession/core";
import { expect, test } from "vitest";
import { serveInMemory } from "./memory-runtime.ts";

test("with inConnectionStore a session is found by its exact id only, not by a similar id", async () => {
  const sessions = createSessions({ initial: () => ({ n: 0 }) });
  const server = serveInMemory(sessions);
  // The number after the prefix has a letter then.
  for (let earlier = 0; earlier < 9; earlier += 1) await server.connect();
  const { socket, connection } = await server.connect();
  const { id } = connection.session;
  expect((await sessions.get(id))?.id).toBe(id);
  const prefix = id.slice(0, id.lastIndexOf("-"));
  for (const other of [`${id}_junk`, `${id}-x`, `${prefix}-0a`, `${prefix}-A`, `${prefix}-`, prefix]) {
    expect(await sessions.get(other)).toBeUndefined();
    expect((await sessions.destroy(other)).destroyed).toBe(0);
  }
  expect(socket.closedWith).toBeUndefined();
});
