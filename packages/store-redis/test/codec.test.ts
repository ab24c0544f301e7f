import { runInNewContext } from "node:vm";
import { Cluster } from "ioredis";
import { expect, onTestFinished, test } from "vitest";
import { isSessionError } from "@wsession/core";
import { redisStore } from "@wsession/store-redis";
import { aCreation, aWrite } from "./fake-host.ts";
import { startProcess } from "./processes.ts";
import { useRedisServer } from "./shared-servers.ts";

const server = useRedisServer();

const cyclic: Record<string, unknown> = {};
cyclic["self"] = [cyclic];

test.each([
  ["undefined", undefined],
  ["a nested undefined", { a: { b: undefined } }],
  ["a hole", Object.assign([], { length: 2 })],
  ["NaN", Number.NaN],
  ["Infinity", [Number.POSITIVE_INFINITY]],
  ["a bigint", 1n],
  ["a function", { f: () => 1 }],
  ["a symbol", Symbol("s")],
  ["a property named by a symbol", { [Symbol("s")]: 1 }],
  ["a named property of an array", [/b/.exec("abc")]],
  ["a property of an array that is named by a symbol", Object.assign([1], { [Symbol("s")]: 1 })],
  ["an instance of a class that extends Array", new (class extends Array<number> {})(1, 2)],
  ["an array with toJSON", Object.defineProperty([1], "toJSON", { value: () => 1 })],
  ["a Date", new Date(0)],
  ["a Map", new Map()],
  ["a Buffer", Buffer.from("x")],
  ["a class's instance", new URLSearchParams("a=1")],
  ["an object with toJSON", { toJSON: () => 1 }],
  ["an object that contains itself", cyclic],
  ["a property named __proto__", JSON.parse('{"__proto__": 1}')],
])("%s is refused, and nothing is changed", async (_, value) => {
  const { store } = startProcess(server);
  const { id } = aCreation();
  await store.create(aCreation({ id, data: { n: 0 } }));
  await expect(store.write(aWrite(id, { fine: 1, value }))).rejects.toMatchObject({
    code: "NOT_SERIALISABLE",
    outcome: "not-applied",
  });
  const nested = aCreation({ data: { fine: 1, value: [value] } });
  await expect(store.create(nested)).rejects.toSatisfy((error) => isSessionError(error, "NOT_SERIALISABLE"));
  expect(await store.load(nested.id)).toBeUndefined();
  expect(await store.load(id)).toMatchObject({ version: 1, data: { n: 0 } });
});

test("-0 is stored as 0, and a property that is not enumerable is left out", async () => {
  const { store } = startProcess(server);
  const hidden = Object.defineProperty({ a: -0 }, "hidden", { value: 1, enumerable: false });
  const creation = aCreation({ data: { n: -0, list: [-0], hidden } });
  await store.create(creation);
  expect((await store.load(creation.id))?.data).toStrictEqual({ n: 0, list: [0], hidden: { a: 0 } });
});

test("an array of another realm is stored: Jest runs tests in a realm of their own, and the arrays of Node's modules are of the outer realm", async () => {
  const { store } = startProcess(server);
  const creation = aCreation({ data: { list: runInNewContext("[1, [2]]") } });
  await store.create(creation);
  expect((await store.load(creation.id))?.data).toEqual({ list: [1, [2]] });
});

test.each(["__proto__", "constructor", "prototype", "\ud800"])(
  "a field called %j is refused",
  async (name) => {
    const { store } = startProcess(server);
    const { id } = aCreation();
    await store.create(aCreation({ id }));
    const data = Object.fromEntries([[name, 1]]);
    await expect(store.write(aWrite(id, data))).rejects.toSatisfy((error) =>
      isSessionError(error, "NOT_SERIALISABLE"),
    );
    await expect(store.create(aCreation({ data }))).rejects.toSatisfy((error) =>
      isSessionError(error, "NOT_SERIALISABLE"),
    );
  },
);

test("values are read as they were written, with any names and strings", async () => {
  const { store } = startProcess(server);
  const data = {
    "": "empty name",
    "d:x": "looks like a hash field",
    'quo"te/\\\n': "\u0000\ud83d\ude00\ud800 \u2028",
    toString: { valueOf: [] },
    empty: { list: [], object: {} },
    numbers: [0, 1e21, -1.5e-9, Number.MAX_SAFE_INTEGER],
    none: null,
  };
  const { id } = aCreation();
  await store.create(aCreation({ id, data }));
  expect((await store.load(id))?.data).toEqual(data);
});

test("every kind of write refuses data over maxBytes, and a write that makes too large data smaller is accepted", async () => {
  const { store } = startProcess(server, { maxBytes: 1_000 });
  const { id } = aCreation();
  await expect(store.create(aCreation({ data: { a: "x".repeat(1_000) } }))).rejects.toSatisfy((error) =>
    isSessionError(error, "TOO_LARGE"),
  );
  await store.create(aCreation({ id, data: { a: "x".repeat(400) } }));
  // Repeated writes of a field count its size once.
  for (let version = 1; version < 10; version += 1) {
    const written = await store.write(aWrite(id, { a: "y".repeat(400), version }, { known: version }));
    expect(written).toEqual({ type: "written", version: version + 1, session: undefined });
  }
  const tooMuch = store.write(aWrite(id, { b: "z".repeat(600) }, { known: 10 }));
  await expect(tooMuch).rejects.toMatchObject({ code: "TOO_LARGE", outcome: "not-applied" });
  expect((await store.load(id))?.version).toBe(10);
  const frugal = startProcess(server, { maxBytes: 100 });
  expect((await frugal.store.write(aWrite(id, { a: "y".repeat(50) }, { known: 10 }))).type).toBe("written");
  const replaced = { type: "replace", data: { c: "z".repeat(200) }, base: undefined } as const;
  await expect(frugal.store.write({ ...aWrite(id, {}), change: replaced })).rejects.toSatisfy((error) =>
    isSessionError(error, "TOO_LARGE"),
  );
});

test("a field that a write removes does not count against maxBytes, nor does its name", async () => {
  const { store } = startProcess(server, { maxBytes: 100 });
  const [before, after] = ["a".repeat(60), "b".repeat(60)];
  const renamings = [
    { type: "fields", set: { [after]: 1 }, unset: [before] },
    { type: "replace", data: { [after]: 1 }, base: { [before]: 1 } },
    { type: "replace", data: { [after]: 1 }, base: undefined },
  ] as const;
  for (const change of renamings) {
    const { id } = aCreation();
    await store.create(aCreation({ id, data: { [before]: 1 } }));
    expect(await store.write({ ...aWrite(id, {}, { expect: 1 }), change })).toMatchObject({ version: 2 });
    expect((await store.load(id))?.data).toEqual({ [after]: 1 });
  }
});

test("many fields can be written at once", async () => {
  const { store } = startProcess(server);
  // More values than Lua's stack can hold, as arguments and in the reply.
  const many = Object.fromEntries(
    Array.from({ length: 9_000 }, (_, index) => [index.toString(36), index % 10]),
  );
  const { id } = aCreation();
  await store.create(aCreation({ id, data: { ...many, "0": "first" } }));
  await store.write(aWrite(id, many));
  expect((await store.load(id))?.data).toEqual(many);
  await store.write({
    ...aWrite(id, {}),
    change: { type: "fields", set: {}, unset: Object.keys(many).slice(1) },
  });
  expect((await store.load(id))?.data).toEqual({ "0": 0 });
});

test("loaded data is deeply frozen in development", async () => {
  const { store } = startProcess(server);
  const { id } = aCreation();
  await store.create(aCreation({ id, data: { cart: [{ n: 1 }] } }));
  const data = (await store.load(id))?.data;
  expect(data).toSatisfy(Object.isFrozen);
  expect(data).toSatisfy(
    ({ cart }: { cart: unknown[] }) => Object.isFrozen(cart) && Object.isFrozen(cart[0]),
  );
});

test("invalid options throw INVALID_ARGUMENT", () => {
  const { client } = startProcess(server);
  for (const wrong of [
    { prefix: "{x}" },
    { prefix: "" },
    { timeoutMs: 0 },
    { maxBytes: 1.5 },
    { sweepMs: Number.NaN },
    { leaseMs: -1 },
    { timeout: 2_000 },
  ]) {
    expect(() => redisStore({ client, ...wrong })).toThrow(
      expect.objectContaining({ code: "INVALID_ARGUMENT" }),
    );
  }
  for (const other of [client, undefined, { client: "redis://localhost" }, { client: null }] as never[]) {
    expect(() => redisStore(other)).toThrow(expect.objectContaining({ code: "INVALID_ARGUMENT" }));
  }
});

test("a Cluster client that reads from replicas is refused, because a replica may not have an acknowledged write (I7)", () => {
  const connect = (scaleReads?: "master" | "slave" | "all"): Cluster => {
    const client = new Cluster([server], { lazyConnect: true, ...(scaleReads && { scaleReads }) });
    onTestFinished(() => client.disconnect());
    return client;
  };
  for (const scaleReads of ["slave", "all"] as const) {
    expect(() => redisStore({ client: connect(scaleReads) })).toThrow(
      expect.objectContaining({ code: "INVALID_ARGUMENT", message: expect.stringContaining("scaleReads") }),
    );
  }
  expect(() => redisStore({ client: connect("master") })).not.toThrow();
  expect(() => redisStore({ client: connect() })).not.toThrow();
});
