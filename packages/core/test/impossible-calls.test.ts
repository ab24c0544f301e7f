import { createSessions, mapStore, queryToken } from "@wsession/core";
import { describe, expect, test } from "vitest";
import { serveInMemory, sharedStore } from "./memory-runtime.ts";
import { type Data, coded, openSession } from "./open-session.ts";

describe("calls that are impossible", () => {
  test("sessions.create rejects if the store keeps no sessions beyond connections", async () => {
    const sessions = createSessions<Data>();
    await expect(sessions.create({ n: 1 })).rejects.toEqual(coded("NOT_SUPPORTED"));
  });

  test("after sessions.close() each call that needs the store rejects with SHUTTING_DOWN, with every store", async () => {
    for (const store of [mapStore(), sharedStore()]) {
      const sessions = createSessions<Data>({ store, token: queryToken(), initial: () => ({ n: 0 }) });
      const { session } = await sessions.create({ n: 1 });
      await sessions.close();
      const down = coded("SHUTTING_DOWN", "not-applied");
      for (const call of [
        () => sessions.create({ n: 2 }),
        () => sessions.get(session.id),
        () => sessions.bySubject("ada"),
        () => sessions.destroy(session.id),
        () => sessions.destroySubject("ada"),
        () => sessions.presence(session.id),
        () => sessions.entries()[Symbol.asyncIterator]().next(),
      ])
        await expect(call()).rejects.toEqual(down);
    }
  });

  test("binding after sessions.close() throws SHUTTING_DOWN", async () => {
    const sessions = createSessions<Data>();
    await sessions.close();
    expect(() => serveInMemory(sessions)).toThrow(coded("SHUTTING_DOWN"));
  });

  test("identify rejects for an invalid subject", async () => {
    const { session } = await openSession();
    expect(() => session.identify("")).toThrow(coded("INVALID_ARGUMENT"));
  });

  test("sessions.close() waits for the writes in progress", async () => {
    const { sessions, session } = await openSession();
    const write = session.patch({ n: 1 });
    await sessions.close();
    await write;
    expect(session.version).toBe(2);
  });
});
