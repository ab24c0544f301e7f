import { createSessions, inConnectionStore, mapStore, queryToken, SessionError } from "@wsession/core";
import type { Session, StandardSchemaV1 } from "@wsession/core";
import { describe, expect, test } from "vitest";
import { serveInMemory, sharedStore } from "./memory-runtime.ts";

type Data = { readonly n: number; readonly [field: string]: unknown };

const coded = (code: string, outcome?: string) =>
  expect.objectContaining(outcome === undefined ? { code } : { code, outcome });

async function openSession(
  store = sharedStore(),
  options: { readonly onError?: (error: unknown) => void } = {},
) {
  const changes: unknown[] = [];
  const sessions = createSessions<Data>({
    store,
    token: queryToken(),
    initial: () => ({ n: 0 }),
    ...options,
  });
  const server = serveInMemory(sessions, { change: (_, data) => void changes.push(data) });
  const opened = await server.connect();
  return { store, sessions, server, changes, opened, session: opened.connection.session };
}

test("if a change handler writes, the other connections get each change, and never older data after newer (I8)", async () => {
  const told: unknown[] = [];
  const sessions = createSessions<Data>({
    store: mapStore(),
    token: queryToken(),
    initial: () => ({ n: 0 }),
  });
  const server = serveInMemory(sessions, {
    change(connection, data) {
      if (connection === third.connection) told.push([data, data === connection.session.data]);
      if (connection === second.connection && data["seen"] === undefined)
        void connection.session.patch({ seen: true });
    },
  });
  const first = await server.connect();
  const { token } = first.connection;
  const second = await server.connect({ url: `/?token=${token}` });
  const third = await server.connect({ url: `/?token=${token}` });
  await first.connection.session.patch({ n: 1 });
  expect(told).toEqual([
    [{ n: 1, seen: true }, true],
    [{ n: 1, seen: true }, true],
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
    // @ts-expect-error -- what JavaScript may do all the same
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
    const seen: number[] = [];
    const result = await session.update((data) => {
      runs += 1;
      seen.push(data.n);
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
    expect(seen).toEqual([0, 10, 20, 30]);
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
    // An announcement of the known version and lineage is ignored. Another lineage leads to a read.
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
    const heard: string[] = [];
    const server = serveInMemory(sessions, { change: ({ id }) => void heard.push(id) });
    const [one, two] = [
      await server.connect({ url: `/?token=${opened.connection.token}` }),
      await server.connect({ url: `/?token=${opened.connection.token}` }),
    ];
    await one.connection.session.patch({ n: 1 });
    expect(heard).toEqual([two.connection.id]);
    heard.length = 0;
    await Promise.all([one.connection.session.patch({ a: 1 }), two.connection.session.patch({ b: 1 })]);
    expect(heard.toSorted()).toEqual([one.connection.id, two.connection.id].toSorted());
    heard.length = 0;
    const administrative = await sessions.get(session.id);
    await administrative?.patch({ c: 1 });
    expect(heard.toSorted()).toEqual([one.connection.id, two.connection.id].toSorted());
    expect(store.calls.filter((call) => call === "resume")).toHaveLength(2);
  });
});

describe("schema and migrate", () => {
  const schema: StandardSchemaV1<unknown, Data> = {
    "~standard": {
      version: 1,
      vendor: "test",
      validate: (value) => {
        const isData =
          typeof value === "object" && value !== null && "n" in value && typeof value.n === "number";
        return isData
          ? { value: { ...value, n: Number(value.n) } }
          : { issues: [{ message: "n is a number", path: ["n"] }] };
      },
    },
  };

  test("a schema that refuses its own output leaves no session in the store", async () => {
    const text: StandardSchemaV1<unknown, Data> = {
      "~standard": {
        version: 1,
        vendor: "test",
        validate: (value) =>
          typeof value === "object" && value !== null && "n" in value && typeof value.n === "string"
            ? { value: { n: Number(value.n) } }
            : { issues: [{ message: "no text" }] },
      },
    };
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what such a schema takes
    const data = { n: "1" } as unknown as Data;
    const store = mapStore();
    const onError = (): void => undefined;
    const greeted = createSessions<Data>({
      store,
      schema: text,
      token: queryToken(),
      initial: () => data,
      onError,
    });
    await expect(serveInMemory(greeted).connect()).rejects.toThrow("refused with 500");
    await expect(greeted.create(data)).rejects.toEqual(coded("INVALID_DATA"));
    await expect.poll(() => store.size).toBe(0);
    const other = mapStore();
    const later = createSessions<Data>({ store: other, schema: text, token: queryToken(), onError });
    const { connection } = await serveInMemory(later).connect();
    await expect(connection.setSession(data)).rejects.toEqual(coded("INVALID_DATA"));
    await expect.poll(() => other.size).toBe(0);
  });

  test("data that the schema refuses is not written", async () => {
    const store = sharedStore();
    const sessions = createSessions<Data>({ store, schema });
    const { session } = await sessions.create({ n: 1 });
    // @ts-expect-error -- what JavaScript may do all the same
    await expect(session.patch({ n: "one" })).rejects.toEqual(coded("INVALID_DATA", "not-applied"));
    // @ts-expect-error -- likewise
    await expect(sessions.create({})).rejects.toEqual(coded("INVALID_DATA"));
    expect(session).toMatchObject({ version: 1, data: { n: 1 } });
  });

  test("data of an older schema version is migrated on load", async () => {
    const store = sharedStore();
    const sessions = createSessions<Data>({
      store,
      schema,
      schemaVersion: 2,
      migrate: (data, from) => ({ n: Number(Reflect.get(Object(data), "count")), from }),
    });
    const id = "A".repeat(22);
    await store.create({
      id,
      digest: undefined,
      data: { count: "7" },
      subject: undefined,
      schemaVersion: 1,
      idleMs: Infinity,
      absoluteMs: Infinity,
      hold: false,
      exclusive: false,
    });
    expect((await sessions.get(id))?.data).toEqual({ n: 7, from: 1 });
  });
});

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
