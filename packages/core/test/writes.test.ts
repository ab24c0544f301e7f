import { createSessions, inConnectionStore, mapStore, queryToken, SessionError } from "@wsession/core";
import { describe, expect, test } from "vitest";
import { serveInMemory, sharedStore } from "./memory-runtime.ts";
import { type Data, coded, openSession } from "./open-session.ts";

test("if a change handler writes, the other connections get each change, and never older data after newer (I8)", async () => {
  const reported: unknown[] = [];
  const sessions = createSessions<Data>({
    store: mapStore(),
    token: queryToken(),
    initial: () => ({ n: 0 }),
  });
  const server = serveInMemory(sessions, {
    change(connection, data) {
      if (connection === third.connection) reported.push([data, data === connection.session.data]);
      if (connection === second.connection && data["observed"] === undefined)
        void connection.session.patch({ observed: true });
    },
  });
  const first = await server.connect();
  const { token } = first.connection;
  const second = await server.connect({ url: `/?token=${token}` });
  const third = await server.connect({ url: `/?token=${token}` });
  await first.connection.session.patch({ n: 1 });
  expect(reported).toEqual([
    [{ n: 1, observed: true }, true],
    [{ n: 1, observed: true }, true],
  ]);
});

test("fields that throw while they are read reject their write, and the session's later writes are sent", async () => {
  for (const left of [0, 1, 2, 3]) {
    const { session } = await openSession();
    let reads = left;
    const fields = new Proxy(
      { n: 1 },
      {
        ownKeys(target) {
          reads -= 1;
          if (reads < 0) throw new Error("revoked");
          return Reflect.ownKeys(target);
        },
      },
    );
    await session.patch(fields).catch(() => undefined);
    await session.patch({ n: 2 });
    expect(session.data.n).toBe(2);
  }
});

test("fields that throw while they are read do not reject the write that was to be sent together with theirs", async () => {
  const { session } = await openSession();
  for (const left of [0, 1, 2, 3]) {
    let reads = left;
    const fields = new Proxy(
      { n: 1 },
      {
        ownKeys(target) {
          reads -= 1;
          if (reads < 0) throw new Error("revoked");
          return Reflect.ownKeys(target);
        },
      },
    );
    const writes = [session.patch({ n: 0 }), session.patch({ inner: true }), session.patch(fields)];
    const outcomes = (await Promise.allSettled(writes)).map(({ status }) => status);
    expect(outcomes.slice(0, 2)).toEqual(["fulfilled", "fulfilled"]);
    expect(session.data["inner"]).toBe(true);
  }
});

describe("update", () => {
  test("with a function that returns a promise rejects with INVALID_ARGUMENT and writes nothing", async () => {
    const { store, session } = await openSession();
    const promised = async (data: Data) => data;
    // @ts-expect-error -- JavaScript code may do this
    await expect(session.update(promised)).rejects.toEqual(coded("INVALID_ARGUMENT", "not-applied"));
    expect(store.calls).not.toContain("write");
    expect(session.version).toBe(1);
  });

  test.each([
    ["in this process", () => mapStore()],
    ["shared", () => sharedStore()],
  ])("a write inside its function is applied after it, and neither is lost (I8): %s", async (_, store) => {
    const sessions = createSessions<Data>({ store: store(), initial: () => ({ n: 0 }) });
    const { session } = await sessions.create({ n: 0 });
    let inner: Promise<void> | undefined;
    await session.update((data) => {
      inner ??= session.patch({ inner: true });
      return { ...data, n: 1 };
    });
    await inner;
    expect(session.data).toEqual({ n: 1, inner: true });
    expect(await session.refresh()).toEqual({ n: 1, inner: true });
    expect(session.version).toBe(3);
  });

  test("that throws rejects this call alone, with what was thrown", async () => {
    const { session } = await openSession();
    const mine = new Error("mine");
    const failing = session.update(() => {
      throw mine;
    });
    const others = [session.update((data) => ({ ...data, n: data.n + 1 })), session.patch({ x: 1 })];
    await expect(failing).rejects.toBe(mine);
    await Promise.all(others);
    expect(session.data).toEqual({ n: 1, x: 1 });
  });

  test("I8 runs again on the newer data if others wrote meanwhile", async () => {
    const { store, session, sessions } = await openSession();
    let runs = 0;
    const observed: number[] = [];
    const result = await session.update((data) => {
      runs += 1;
      observed.push(data.n);
      if (runs <= 3) {
        const change = { type: "fields", set: { n: runs * 10 }, unset: [] } as const;
        void store.behindTheBack.write({
          id: session.id,
          change,
          expect: undefined,
          known: 0,
          fence: undefined,
          schemaVersion: 0,
        });
      }
      return { ...data, n: data.n + 1 };
    });
    expect(observed).toEqual([0, 10, 20, 30]);
    expect(result).toEqual({ n: 31 });
    expect(sessions.diagnostics).toMatchObject({ conflicts: 3, writeTriesMax: 4 });
  });

  test("resolves with the data right after it, although later writes were sent in the same batch", async () => {
    const { session, store } = await openSession();
    const results = await Promise.all(
      [1, 2, 3].map(() => session.update((data) => ({ ...data, n: data.n + 1 }))),
    );
    expect(results.map(({ n }) => n)).toEqual([1, 2, 3]);
    expect(store.calls.filter((call) => call === "write")).toHaveLength(1);
    expect(session.version).toBe(2);
  });
});

describe("writes of one process", () => {
  test("are sent one at a time, and the writes that wait form one batch", async () => {
    const { session, store } = await openSession();
    const first = session.patch({ a: 1 });
    await Promise.resolve();
    const rest = Array.from({ length: 50 }, (_, index) => session.patch({ [`f${index}`]: index }));
    await Promise.all([first, ...rest]);
    expect(store.calls.filter((call) => call === "write")).toHaveLength(2);
    expect(Object.keys(session.data)).toHaveLength(52);
  });

  test("a write whose value the store refuses does not affect the others of its batch", async () => {
    const store = sharedStore();
    const { write } = store;
    store.write = (request) => {
      const names = request.change.type === "fields" ? Object.keys(request.change.set) : [];
      if (names.includes("bad"))
        return Promise.reject(new SessionError("NOT_SERIALISABLE", "bad", { outcome: "not-applied" }));
      return write(request);
    };
    const { session } = await openSession(store);
    const [good, bad, other] = [
      session.patch({ good: 1 }),
      session.patch({ bad: 1 }),
      session.patch({ other: 1 }),
    ];
    await expect(bad).rejects.toEqual(coded("NOT_SERIALISABLE", "not-applied"));
    await Promise.all([good, other]);
    expect(session.data).toEqual({ n: 0, good: 1, other: 1 });
  });

  test("I11 an unspecific error of a store becomes STORE_UNAVAILABLE with the outcome unknown and the error as cause", async () => {
    const store = sharedStore();
    const cause = new Error("socket hang up");
    const { session } = await openSession(store);
    store.write = () => Promise.reject(cause);
    await expect(session.patch({ n: 1 })).rejects.toEqual(
      expect.objectContaining({ code: "STORE_UNAVAILABLE", outcome: "unknown", cause }),
    );
    store.write = () => {
      throw cause;
    };
    await expect(session.patch({ n: 1 })).rejects.toEqual(coded("STORE_UNAVAILABLE", "unknown"));
    expect(session.data).toEqual({ n: 0 });
  });

  test("patch, set and update refuse fields that reach a prototype", async () => {
    for (const store of [sharedStore(), mapStore(), inConnectionStore()]) {
      const sessions = createSessions<Data>({ store, initial: () => ({ n: 0 }) });
      const { connection } = await serveInMemory(sessions).connect();
      const evil: Data = JSON.parse('{"n":1,"__proto__":{"polluted":true}}');
      await expect(connection.session.patch(evil)).rejects.toEqual(coded("INVALID_DATA", "not-applied"));
      await expect(connection.session.set(evil)).rejects.toEqual(coded("INVALID_DATA", "not-applied"));
      await expect(connection.session.update(() => evil)).rejects.toEqual(
        coded("INVALID_DATA", "not-applied"),
      );
      await expect(connection.session.patch({ constructor: 1 })).rejects.toEqual(coded("INVALID_DATA"));
      expect(connection.session.data).toEqual({ n: 0 });
      expect(Reflect.get({}, "polluted")).toBeUndefined();
    }
  });
});

test("patch takes an object of fields, and rejects anything else", async () => {
  const { session } = await openSession();
  for (const fields of ["abc", 5, null, undefined, ["a"], () => ({ n: 1 })] as never[])
    await expect(session.patch(fields)).rejects.toEqual(coded("INVALID_DATA", "not-applied"));
  expect(session).toMatchObject({ version: 1, data: { n: 0 } });
});

test("with JSON values refresh shows the store's data, also after the application changed its copy by mistake", async () => {
  const shared = sharedStore();
  const store = Object.assign(shared, {
    capabilities: { ...shared.capabilities, values: "json" as const },
    load: async (id: string) => structuredClone(await shared.behindTheBack.load(id)),
  });
  const { session } = await openSession(store);
  const before = session.data;
  expect(await session.refresh()).toEqual(before);
  expect(session.data).not.toBe(before);
  expect(session.version).toBe(1);
});

test("a patch of an instance of a class results in an instance of that class", async () => {
  class Cart {
    items: readonly string[] = [];
    note?: string;
    get count(): number {
      return this.items.length;
    }
  }
  for (const store of [mapStore(), inConnectionStore()]) {
    const sessions = createSessions({ store, initial: () => new Cart() });
    const { session } = (await serveInMemory(sessions).connect()).connection;
    await session.patch({ items: ["tea"], note: "soon" });
    await session.patch({ note: undefined });
    expect(session.data).toBeInstanceOf(Cart);
    expect([session.data.count, Object.keys(session.data)]).toEqual([1, ["items"]]);
  }
});
