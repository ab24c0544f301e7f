import { isSessionError } from "@wsession/core";
import { expect } from "vitest";
import type { StoreCase } from "../store-trial.ts";

const json = ({ values }: { readonly values: "any" | "json" }): boolean => values === "json";

const cycle = (): object => {
  const inner: Record<string, unknown> = {};
  inner["self"] = inner;
  return inner;
};

class Point {
  readonly x = 1;
}

class Points extends Array<number> {}

/** Values that JSON would drop, change or refuse. */
const UNFAITHFUL: Readonly<Record<string, () => unknown>> = {
  "a function": () => () => undefined,
  "a symbol": () => Symbol("x"),
  "a BigInt": () => 1n,
  NaN: () => Number.NaN,
  Infinity: () => Infinity,
  "-Infinity": () => -Infinity,
  "a Date": () => new Date(0),
  "a Map": () => new Map([["a", 1]]),
  "a Set": () => new Set([1]),
  "a RegExp": () => /x/,
  bytes: () => new Uint8Array([1]),
  "an instance of a class": () => new Point(),
  "a promise": () => Promise.resolve(1),
  "undefined inside an array": () => [1, undefined],
  "a hole in an array": () => Array.from({ length: 3 }).fill(0, 0, 1),
  "an array with a named property, such as the result of a match": () => /b/.exec("abc"),
  "an array with a symbol for a key": () => Object.assign([1], { [Symbol("x")]: 1 }),
  "an instance of a class that extends Array": () => new Points(1, 2),
  "an array with toJSON": () => Object.assign([1], { toJSON: () => 2 }),
  "undefined inside an object": () => ({ a: undefined }),
  "a cycle": cycle,
  "an object with a symbol for a key": () => ({ [Symbol("x")]: 1 }),
  "an object with toJSON": () => ({ toJSON: () => 1 }),
  "a function deep inside": () => ({ a: [{ b: () => undefined }] }),
  "__proto__ deep inside": () => JSON.parse('{"a":[{"__proto__":{"x":1}}]}'),
  "an object with a getter that throws": () => ({
    get a() {
      throw new Error("a trap");
    },
  }),
  "a proxy that throws": () =>
    new Proxy(
      {},
      {
        ownKeys() {
          throw new Error("a trap");
        },
      },
    ),
};

const FAITHFUL: Readonly<Record<string, unknown>> = {
  "an empty array": [],
  "an empty object": {},
  "arrays in arrays": [[], [[]], [{}]],
  "nested nulls": { a: null, b: [null, { c: null }] },
  booleans: [true, false],
  "an empty string": "",
  unicode: "Grüße 日本語 🎈 \u0000 \u2028 \u2029 \uFEFF",
  "a lone surrogate": "\uD800x\uDC00",
  quotes: '"\\/\b\f\n\r\t',
  "large numbers": [1e21, 1e300, Number.MAX_SAFE_INTEGER, Number.MIN_VALUE, 0.1, -1.5],
  "2^53 + 2": 2 ** 53 + 2,
  "a long string": "x".repeat(10_000),
  "what looks like a number": "1e3",
  "what looks like JSON": '{"a":[]}',
  "deep nesting": JSON.parse(`${"[".repeat(100)}${"]".repeat(100)}`),
  "keys in an order": { b: 1, a: 2, 1: 3, "": 4 },
};

const NAMES = [
  "plain",
  "with space",
  "a:b",
  "{x}",
  "*",
  "ü",
  "日本",
  "🎈",
  "0",
  "-1",
  "length",
  "toString",
  "hasOwnProperty",
  "v",
  "d",
  "d:x",
  "\n",
  "n".repeat(200),
];

const refusal = (error: unknown): unknown => (isSessionError(error) ? [error.code, error.outcome] : error);

export const jsonCases: readonly StoreCase[] = [
  ...Object.entries(UNFAITHFUL).map(([what, make]): StoreCase => ({
    name: `data that contains ${what} is refused with NOT_SERIALISABLE, and changes nothing`,
    applies: json,
    async run(trial) {
      const store = await trial.process();
      const { id } = await store.born({ data: { a: 1, b: 2 } });
      const refused = ["NOT_SERIALISABLE", "not-applied"];
      expect(await store.fields(id, { a: make() }, ["b"]).catch(refusal)).toEqual(refused);
      expect(await store.replace(id, { a: make() }).catch(refusal)).toEqual(refused);
      const withBase = store.replace(id, { a: make() }, { expect: 1, base: { a: 1, b: 2 } });
      expect(await withBase.catch(refusal)).toEqual(refused);
      const id2 = `${id.slice(1)}A`;
      expect(await store.create({ id: id2, data: { a: make() } }).catch(refusal)).toEqual(refused);
      expect(await store.load(id)).toMatchObject({ version: 1, data: { a: 1, b: 2 } });
      expect(await store.load(id2)).toBeUndefined();
    },
  })),
  ...Object.entries(FAITHFUL).map(([what, value]): StoreCase => ({
    name: `a value is read as it was written: ${what}`,
    applies: json,
    async run(trial) {
      const [store, other] = await trial.processes();
      const { id } = await store.born({ data: { value, beside: 1 } });
      expect((await other.load(id))?.data).toEqual({ value, beside: 1 });
      await store.fields(id, { again: value });
      expect((await other.load(id))?.data).toEqual({ value, beside: 1, again: value });
      await store.replace(
        id,
        { value: 0, again: value },
        { expect: 2, base: { value, beside: 1, again: value } },
      );
      const loaded: { readonly again?: unknown } = (await other.load(id))?.data ?? {};
      expect(loaded).toEqual({ value: 0, again: value });
      expect(JSON.stringify(loaded.again)).toBe(JSON.stringify(value));
    },
  })),
  {
    name: "-0 is read as 0 or as -0, or is refused",
    applies: json,
    async run(trial) {
      const store = await trial.process();
      const { id } = await store.born({ data: { n: 1 } });
      const result = await store.fields(id, { n: -0 }).then(({ type }) => type, refusal);
      const { n }: { readonly n?: unknown } = (await store.load(id))?.data ?? {};
      expect(result === "written" ? Number(n) + 0 : n).toBe(result === "written" ? 0 : 1);
    },
  },
  ...["__proto__", "constructor", "prototype"].map((name): StoreCase => ({
    name: `a field called ${name} is refused`,
    applies: json,
    async run(trial) {
      const store = await trial.process();
      const { id } = await store.born({ data: { a: 1 } });
      const data: object = JSON.parse(`{"${name}":{"polluted":true}}`);
      const codes = [
        await store
          .write(id, { type: "fields", set: Object.fromEntries(Object.entries(data)), unset: [] })
          .catch(refusal),
        await store.replace(id, data).catch(refusal),
      ];
      for (const code of codes)
        expect(code).toEqual([expect.stringMatching(/^(NOT_SERIALISABLE|INVALID_DATA)$/), "not-applied"]);
      expect(await store.load(id)).toMatchObject({ version: 1, data: { a: 1 } });
      expect(Reflect.get({}, "polluted")).toBeUndefined();
    },
  })),
  {
    name: "fields with any other name can be set, changed and removed",
    async run(trial) {
      const store = await trial.process();
      const data = Object.fromEntries(NAMES.map((name, index) => [name, index]));
      const { id } = await store.born({ data });
      expect((await store.load(id))?.data).toEqual(data);
      await store.fields(id, Object.fromEntries(NAMES.map((name) => [name, `${name}!`])));
      expect((await store.load(id))?.data).toEqual(
        Object.fromEntries(NAMES.map((name) => [name, `${name}!`])),
      );
      await store.fields(id, {}, NAMES);
      expect((await store.load(id))?.data).toEqual({});
    },
  },
  {
    name: "values of every kind are kept by reference",
    applies: ({ values }) => values === "any",
    async run(trial) {
      const store = await trial.process();
      const value = { call: () => 1, map: new Map(), self: cycle(), missing: undefined, nan: Number.NaN };
      const { id } = await store.born({ data: value });
      const loaded: Partial<typeof value> = (await store.load(id))?.data ?? {};
      expect(loaded.call).toBe(value.call);
      expect(loaded.map).toBe(value.map);
      await store.fields(id, { later: value.map });
      expect((await store.load(id))?.data).toMatchObject({ later: value.map });
    },
  },
];
