/** Every option of every public function, with a value of every wrong kind. */
import { accept, cookieToken, createSessions, mapStore, protocolToken, queryToken } from "@wsession/core";
import { afterAll, describe, expect, test } from "vitest";
import { client, packageTables, uws } from "./option-tables-packages.ts";
import { coreTables } from "./option-tables.ts";
import { expectRefused, membersOf, show, wrongFor } from "./wrong-values.ts";

afterAll(() => client.disconnect());

describe.each([...coreTables, ...packageTables])(
  "fault D6: $what",
  ({ what, from, also = [], make, basis = {}, options }) => {
    test("has every option in this table", async () => {
      const declared = await Promise.all([from, ...also].map(([file, type]) => membersOf(file, type)));
      expect(Object.keys(options).toSorted()).toEqual(declared.flat().toSorted());
    });

    test.each(Object.entries(options))("throws INVALID_ARGUMENT for wrong values of %s", (name, wrong) => {
      for (const value of wrong)
        expectRefused(`${what}({ ${name}: ${show(value)} })`, () =>
          make({ ...basis, [name]: value } as never),
        );
    });

    test("throws INVALID_ARGUMENT for options that are not an object, for an unknown name and for null", () => {
      for (const value of wrongFor.options)
        expectRefused(`${what}(${show(value)})`, () => make(value as never));
    });

    test("accepts options without a prototype and of a class, and passes on an error of a getter", () => {
      const [name = ""] = Object.keys(options);
      const failing = { ...basis };
      Object.defineProperty(failing, name, {
        enumerable: true,
        get() {
          throw new RangeError("a getter");
        },
      });
      expect(() => make(failing as never)).toThrow(RangeError);
    });
  },
);

test("fault D6: `behavior` of uWebSockets.js is checked too, because the runtime ends the process for some wrong values", async () => {
  const wrong: Record<string, readonly unknown[]> = {
    maxPayloadLength: [...wrongFor.count.filter((value) => value !== 0), 1.5, Infinity, 2 ** 32],
    maxLifetime: ["1", -1, 241, null],
    idleTimeout: ["8", 1, 7, 961, NaN, null],
    compression: ["0", -1, null],
    maxBackpressure: ["1", -1, Infinity, null],
    closeOnBackpressureLimit: wrongFor.boolean,
    upgrade: [() => 1],
  };
  for (const [name, values] of Object.entries(wrong))
    for (const value of values)
      expectRefused(`behavior.${name}: ${show(value)}`, () => uws({ behavior: { [name]: value } }));
});

test("options of a class, without a prototype, or with undefined members take effect", async () => {
  const bare: object = Object.assign(Object.create(null), { idleMs: 5 });
  class Options {
    idleMs = 5;
    store = undefined;
  }
  for (const options of [bare, new Options(), { idleMs: undefined }, undefined])
    expect(() => createSessions(options as never)).not.toThrow();
  for (const make of [cookieToken, queryToken, protocolToken, mapStore, accept] as const)
    expect(() => (make as (options?: object) => unknown)(Object.create(null))).not.toThrow();
});

test.each([
  ["queryToken", "parameter", (options: never) => queryToken(options), wrongFor.string],
  ["protocolToken", "prefix", (options: never) => protocolToken(options), [...wrongFor.text, "a b"]],
])("fault D6: %s throws INVALID_ARGUMENT for wrong values of %s", (what, name, make, wrong) => {
  for (const value of wrong) expectRefused(`${what}: ${show(value)}`, () => make({ [name]: value } as never));
  for (const value of wrongFor.options) expectRefused(`${what}(${show(value)})`, () => make(value as never));
});
