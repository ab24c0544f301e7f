import { createSessions, inConnectionStore, mapStore, queryToken, SessionError } from "@wsession/core";
import type { Session, StandardSchemaV1 } from "@wsession/core";
import { createContext, runInContext } from "node:vm";
import { describe, expect, test } from "vitest";
import { serveInMemory, sharedStore } from "./memory-runtime.ts";

const invalid = expect.objectContaining({ code: "INVALID_DATA", outcome: "not-applied" });

const stores = [
  ["inConnectionStore", () => inConnectionStore()],
  ["mapStore", () => mapStore()],
  ["a shared store", () => sharedStore()],
] as const;

async function sessionOf(store: ReturnType<(typeof stores)[number][1]>, data: object) {
  const sessions = createSessions<object>({ store, initial: () => data });
  return (await serveInMemory(sessions).connect()).connection.session;
}

class Secretive {
  n = 1;
  #secret = 42;
  secret(): number {
    return this.#secret;
  }
}
class Heir extends Secretive {
  m = 2;
}
class Visits extends Map<string, number> {}

/** Data that a copy of its fields does not represent. */
const uncopyable: Readonly<Record<string, () => object>> = {
  "a Map": () => new Map([["n", 1]]),
  "a class that extends Map": () => new Visits([["n", 1]]),
  "a Set": () => new Set([1]),
  "an array": () => [1, 2],
  "a Date": () => new Date(0),
  bytes: () => new Uint8Array([1]),
  "an Error": () => new Error("x"),
  "a class with #private fields": () => new Secretive(),
  "a class that extends one with #private fields": () => new Heir(),
  "a Map of another realm": () => runInContext("new Map([['n', 1]])", createContext()),
};

describe.each(stores)("fault E2: %s", (_, open) => {
  test("a promise as data throws INVALID_ARGUMENT because an await is missing, and its rejection does not end the process", async () => {
    const sessions = createSessions<object>({ store: open() });
    const { connection } = await serveInMemory(sessions).connect();
    const late = () => Promise.reject(new Error("mine"));
    await expect(connection.setSession(late())).rejects.toEqual(invalid);
    const session = await connection.setSession({ n: 1 });
    await expect(session.set(late())).rejects.toEqual(invalid);
    if (connection.session !== session) expect.fail("the session was replaced");
    expect(session).toMatchObject({ version: 1, data: { n: 1 } });
  });

  test.each(Object.entries(uncopyable))(
    "patch of data that is %s rejects and names the alternatives; set and update store such data",
    async (__, make) => {
      const data = make();
      const session = await sessionOf(open(), data);
      const refused = await session.patch({ n: 5 }).catch((error: unknown) => error);
      expect(refused).toEqual(invalid);
      expect(String(refused)).toContain("use update");
      expect(session).toMatchObject({ version: 1 });
      expect(session.data).toBe(data);
      const next = make();
      expect(await session.update(() => next)).toBe(next);
      expect(session.data).toBe(next);
      await session.set(data);
      expect([session.data === data, session.version]).toEqual([true, 3]);
      await session.set({ n: 1 });
      await session.patch({ n: 5 });
      expect(session.data).toEqual({ n: 5 });
    },
  );

  test("a refused patch does not affect other writes of the same tick", async () => {
    const session = await sessionOf(open(), { n: 1 });
    const set = session.set(new Map());
    const bad = session.patch({ n: 2 }).catch((error: unknown) => error);
    const good = session.set({ n: 3 });
    const patch = session.patch({ m: 4 });
    await Promise.all([set, good, patch]);
    expect(await bad).toEqual(invalid);
    expect(session.data).toEqual({ n: 3, m: 4 });
  });

  test("patch of a plain object or an instance without private fields makes a copy with the same prototype", async () => {
    class Open {
      n = 1;
      double(): number {
        return 2 * this.n;
      }
    }
    const proto = { greet: () => "hello" };
    const frozen = Object.freeze({ n: 1 });
    const bare: object = Object.assign(Object.create(null), { n: 1 });
    const foreign: object = runInContext("({ n: 1 })", createContext());
    for (const data of [new Open(), Object.assign(Object.create(proto), { n: 1 }), bare, foreign, frozen]) {
      const session = await sessionOf(open(), data);
      await session.patch({ n: 5, m: 6 });
      expect({ ...session.data }).toEqual({ n: 5, m: 6 });
      expect(Object.getPrototypeOf(session.data)).toBe(Object.getPrototypeOf(data));
      expect({ ...data }).toEqual({ n: 1 });
    }
  });

  test("patch rejects fields in a Map, an array or a Set, and fields with symbols, because a patch would drop them", async () => {
    const session = await sessionOf(open(), { n: 1 });
    for (const fields of [new Map([["n", 2]]), [2], new Set(["n"]), { [Symbol("n")]: 2 }] as object[])
      await expect(session.patch(fields)).rejects.toEqual(invalid);
    expect(session).toMatchObject({ version: 1, data: { n: 1 } });
  });

  test("a getter that throws rejects the write that reads it, and no other", async () => {
    const session = await sessionOf(open(), { n: 1 });
    const mine = new Error("mine");
    const fields = {
      get n(): number {
        throw mine;
      },
    };
    const bad = session.patch(fields).catch((error: unknown) => error);
    await Promise.all([session.patch({ m: 2 }), session.update((data) => ({ ...data, k: 3 }))]);
    expect(await bad).toBe(mine);
    expect(session.data).toEqual({ n: 1, m: 2, k: 3 });
  });
});

test("I21 if the data of mapStore can't be read, a commit is refused with INVALID_DATA, and keeps no message", () => {
  const store = mapStore();
  const id = "a".repeat(22);
  let isTrap = false;
  const data = {
    get n(): number {
      if (isTrap) throw new Error("a trap");
      return 1;
    },
  };
  const rest = { id, schemaVersion: 0, fence: undefined, lineage: undefined, known: 1, expect: undefined };
  const times = { idleMs: 60_000, absoluteMs: 60_000, hold: false, exclusive: false };
  void store.create({ ...rest, ...times, digest: undefined, subject: undefined, data });
  const change = { type: "fields", set: { m: 2 }, unset: [] } as const;
  const bounds = { maxMessages: 9, maxBytes: 99, maxAgeMs: 60_000, whenFull: "drop-oldest" } as const;
  const outbox = { messages: [{ data: "x", key: undefined, ttlMs: undefined, mark: 1 }], bounds };
  const numbers = { client: "c".repeat(16), first: 1, number: 1, settled: 0, mark: 0, refused: [] };
  isTrap = true;
  expect(() => store.commit?.({ ...rest, numbers, change, outbox })).toThrow(invalid);
  expect(() => store.write({ ...rest, change })).toThrow(invalid);
  isTrap = false;
  expect(store.load(id)).toMatchObject({ version: 1 });
  expect(store.load(id)).not.toHaveProperty("outbox");
});

/** A schema that counts its runs, and returns its input or a copy. */
function counting(copies: boolean) {
  const counted = { runs: 0 };
  const schema: StandardSchemaV1<unknown, { n: number; m?: number }> = {
    "~standard": {
      version: 1,
      vendor: "test",
      validate(value) {
        counted.runs += 1;
        if (typeof value !== "object" || value === null || !("n" in value) || typeof value.n !== "number")
          return { issues: [{ message: "n is a number" }] };
        const data: { n: number } = { n: value.n };
        return { value: copies ? { ...value, ...data } : Object.assign(value, data) };
      },
    },
  };
  return { counted, schema };
}

describe.each(stores)("fault E7: %s", (_, open) => {
  test.each([false, true])("the schema runs once for each value (the schema copies: %s)", async (copies) => {
    const { counted, schema } = counting(copies);
    const store = open();
    const { resumable } = store.capabilities;
    const common = { store, schema, onError: () => undefined };
    const sessions = resumable
      ? createSessions({ ...common, token: queryToken(), initial: () => ({ n: 1 }) })
      : createSessions({ ...common, initial: () => ({ n: 1 }) });
    const server = serveInMemory(sessions);
    const runs = async <Result>(call: () => Promise<Result>, expected: number): Promise<Result> => {
      counted.runs = 0;
      const result = await call();
      expect([String(call), counted.runs]).toEqual([String(call), expected]);
      return result;
    };
    const { connection } = await runs(() => server.connect(), 1);
    const { session }: { session: Session<{ n: number; m?: number }> } = connection;
    await runs(() => session.patch({ m: 1 }), 1);
    await runs(() => session.set({ n: 2 }), 1);
    await runs(() => session.update((data) => ({ ...data, n: 3 })), 1);
    await runs(() => session.refresh(), 0);
    await runs(() => session.touch(), 0);
    await runs(() => session.extend(), 0);
    await runs(() => session.identify("ada"), 0);
    await runs(() => session.rotate(), 0);
    await runs(() => connection.setSession({ n: 4 }).then(() => undefined), 1);
    if (!resumable) return;
    const created = await runs(() => sessions.create({ n: 5 }), 1);
    // This process has the session already.
    await runs(() => sessions.get(created.session.id), 0);
    const renewal = await session.rotate();
    await runs(() => server.connect({ url: `/?token=${renewal.token}` }), 0);
  });

  test("the schema runs once in setSession", async () => {
    const { counted, schema } = counting(true);
    const sessions = createSessions({ store: open(), schema });
    const { connection } = await serveInMemory(sessions).connect();
    expect(counted.runs).toBe(0);
    await connection.setSession({ n: 1 });
    expect(counted.runs).toBe(1);
  });
});

test("fault E7: the schema runs once for data of another process, loaded or announced", async () => {
  const { counted, schema } = counting(true);
  const store = sharedStore();
  const sessions = createSessions({ store, schema, token: queryToken() });
  const request = { digest: undefined, subject: undefined, schemaVersion: 0, hold: false, exclusive: false };
  const endless = { idleMs: Infinity, absoluteMs: Infinity };
  await store.behindTheBack.create({ id: "elsewhere", data: { n: 1 }, ...request, ...endless });
  const session = await sessions.get("elsewhere");
  expect(counted.runs).toBe(1);
  const change = { type: "fields", set: { n: 2 }, unset: [] } as const;
  await store.behindTheBack.write({
    id: "elsewhere",
    change,
    expect: undefined,
    known: 1,
    fence: undefined,
    schemaVersion: 0,
  });
  counted.runs = 0;
  await session?.refresh();
  expect([counted.runs, session?.data]).toEqual([1, { n: 2 }]);
  counted.runs = 0;
  const server = serveInMemory(createSessions({ store: sharedStore(), schema, initial: () => ({ n: 1 }) }));
  await server.connect();
  expect(counted.runs).toBe(1);
});

test("with JSON values, data that can't be frozen in development reaches the store, which rejects it with NOT_SERIALISABLE", async () => {
  const shared = sharedStore();
  const store = Object.assign(shared, { capabilities: { ...shared.capabilities, values: "json" as const } });
  store.write = () => Promise.reject(new SessionError("NOT_SERIALISABLE", "no", { outcome: "not-applied" }));
  const session = await sessionOf(store, { n: 1 });
  for (const value of [new Uint8Array([1]), new Map(), new Date(0)]) {
    await expect(session.set({ value })).rejects.toMatchObject({ code: "NOT_SERIALISABLE" });
    expect(Object.isFrozen(value)).toBe(false);
  }
  expect(session.data).toEqual({ n: 1 });
});
