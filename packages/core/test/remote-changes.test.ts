import type { Session } from "@wsession/core";
import { describe, expect, test } from "vitest";
import { serveInMemory } from "./memory-runtime.ts";
import { type Data, openSession } from "./open-session.ts";

describe("I8 a change of another process", () => {
  const fields = (set: object) => ({ type: "fields", set: { ...set }, unset: [] }) as const;
  const write = (session: Session<Data>, set: object) =>
    ({
      id: session.id,
      change: fields(set),
      expect: undefined,
      known: 0,
      fence: undefined,
      schemaVersion: 0,
    }) as const;

  test("is taken from its announcement if it is the next version, without a read of the store", async () => {
    const { store, session, changes } = await openSession();
    store.calls.length = 0;
    store.notify({ type: "written", id: session.id, version: 2, change: fields({ n: 5 }) });
    expect(session).toMatchObject({ version: 2, data: { n: 5 } });
    expect(changes).toEqual([{ n: 5 }]);
    expect(store.calls).toEqual([]);
  });

  test("is read if versions are missing or the announcement has no fields; data never becomes older", async () => {
    const { store, sessions, session, changes } = await openSession();
    for (let n = 1; n <= 3; n += 1) await store.behindTheBack.write(write(session, { n }));
    store.notify({ type: "written", id: session.id, version: 4, change: fields({ n: 3 }) });
    expect(session.version).toBe(1);
    await expect.poll(() => session.version).toBe(4);
    expect(session.data).toEqual({ n: 3 });
    for (const version of [1, 2, 3, 4]) {
      store.notify({ type: "written", id: session.id, version, change: fields({ n: -version }) });
    }
    expect(session).toMatchObject({ version: 4, data: { n: 3 } });
    await store.behindTheBack.write(write(session, { n: 9 }));
    store.notify({ type: "written", id: session.id, version: 5, change: undefined });
    await expect.poll(() => session.data.n).toBe(9);
    expect(changes).toEqual([{ n: 3 }, { n: 9 }]);
    expect(sessions.diagnostics.rereads).toBe(2);
  });

  test("is read if its announcement has another lineage than the session here", async () => {
    const { store, session } = await openSession();
    const { id } = session;
    store.notify({ type: "written", id, version: 2, lineage: 7, after: 0, change: fields({ n: 1 }) });
    expect(session).toMatchObject({ version: 2, data: { n: 1 } });
    await store.behindTheBack.write(write(session, { n: 10 }));
    // An announcement of the version and lineage that the process has is ignored. Another lineage leads to a read.
    store.notify({ type: "written", id, version: 2, lineage: 7, after: 0, change: fields({ n: -1 }) });
    expect(store.calls).not.toContain("load");
    store.notify({ type: "written", id, version: 2, lineage: 8, after: 0, change: fields({ n: -2 }) });
    expect(session.data).toEqual({ n: 1 });
    await expect.poll(() => session.data).toEqual({ n: 10 });
    await store.behindTheBack.write(write(session, { n: 20 }));
    store.notify({ type: "written", id, version: 3, lineage: 9, after: 7, change: fields({ x: 1 }) });
    await expect.poll(() => session).toMatchObject({ version: 3, data: { n: 20 } });
    expect(session.data).not.toHaveProperty("x");
  });

  test("reaches the `change` handler of every connection; a connection's own write does not reach its own", async () => {
    const { store, sessions, opened, session } = await openSession();
    const received: string[] = [];
    const server = serveInMemory(sessions, { change: ({ id }) => void received.push(id) });
    const [one, two] = [
      await server.connect({ url: `/?token=${opened.connection.token}` }),
      await server.connect({ url: `/?token=${opened.connection.token}` }),
    ];
    await one.connection.session.patch({ n: 1 });
    expect(received).toEqual([two.connection.id]);
    received.length = 0;
    await Promise.all([one.connection.session.patch({ a: 1 }), two.connection.session.patch({ b: 1 })]);
    expect(received.toSorted()).toEqual([one.connection.id, two.connection.id].toSorted());
    received.length = 0;
    const administrative = await sessions.get(session.id);
    await administrative?.patch({ c: 1 });
    expect(received.toSorted()).toEqual([one.connection.id, two.connection.id].toSorted());
    expect(store.calls.filter((call) => call === "resume")).toHaveLength(2);
  });
});
