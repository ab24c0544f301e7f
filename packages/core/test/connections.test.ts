import { setImmediate as turn } from "node:timers/promises";
import { accept, createSessions, inConnectionStore } from "@wsession/core";
import type { SessionStore } from "@wsession/core";
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

const failing: SessionStore = {
  ...inConnectionStore(),
  create() {
    throw new Error("no session today");
  },
};

test.each([
  ["because the subject has enough sessions", inConnectionStore(), 4403, []],
  ["because the store fails", failing, 1011, [["initial", "STORE_UNAVAILABLE"]]],
] as const)(
  "no handler is called for a connection whose session of initial could not be created %s, because handlers rely on the session",
  async (_, store, code, reports) => {
    const called: string[] = [];
    const errors: unknown[] = [];
    const sessions = createSessions({
      store,
      admit: () => accept({ subject: "ada" }),
      initial: () => ({ n: 0 }),
      maxSessionsPerSubject: { max: 1, over: "refuse" },
      onError: (error, { stage }) => void errors.push([stage, (error as { code?: unknown }).code]),
    });
    const server = serveInMemory(sessions, {
      open: ({ session }) => void called.push(`open ${session.data.n}`),
      close: () => void called.push("close"),
    });
    if (store !== failing) await server.connect();
    const { socket } = await server.connect();
    await turn();
    expect(socket.closedWith?.code).toBe(code);
    expect(called).toEqual(store === failing ? [] : ["open 0"]);
    expect(errors).toEqual(reports);
    expect([...sessions.connections]).toHaveLength(store === failing ? 0 : 1);
    await sessions.close();
  },
);
