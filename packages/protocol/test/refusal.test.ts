import { isTransactionRefused, issuePaths, TransactionRefused, unchecked } from "@wsession/protocol";
import * as core from "@wsession/core";
import { describe, expect, test } from "vitest";

/** The module once more, as where two packages bring a copy each. */
async function anotherCopy(): Promise<typeof import("@wsession/protocol")> {
  return import(new URL("../dist/refusal.js?copy", import.meta.url).href);
}

describe("TransactionRefused", () => {
  test("has a code, an optional message and an optional detail", () => {
    const refused = new TransactionRefused("closed", { message: "it is over", detail: { at: 1 } });
    expect(refused).toMatchObject({
      name: "TransactionRefused",
      code: "closed",
      message: "it is over",
      detail: { at: 1 },
    });
    expect(refused).toBeInstanceOf(Error);
    const bare = new TransactionRefused("closed");
    expect(bare).toMatchObject({ code: "closed", message: "closed", detail: undefined });
    expect(Object.keys(bare)).toEqual(["name", "code", "detail", "outcome"]);
  });

  test("is recognized across copies of the package, by code if one is given", async () => {
    const copy = await anotherCopy();
    expect(copy.TransactionRefused).not.toBe(TransactionRefused);
    const refused = new copy.TransactionRefused("closed");
    expect(isTransactionRefused(refused)).toBe(true);
    expect(isTransactionRefused(refused, "closed")).toBe(true);
    expect(isTransactionRefused(refused, "open")).toBe(false);
    expect(copy.isTransactionRefused(new core.TransactionRefused("closed"))).toBe(true);
  });

  test("is not recognized in an object that only has the same properties", () => {
    const lookalike = Object.assign(new Error("x"), { name: "TransactionRefused", code: "closed" });
    for (const value of [lookalike, { code: "closed" }, null, undefined, "closed", () => 1])
      expect(isTransactionRefused(value)).toBe(false);
  });

  test("throws INVALID_ARGUMENT for a code, a message or options of another type, and for an unknown option", () => {
    const mistake = expect.objectContaining({ name: "TypeError", code: "INVALID_ARGUMENT" });
    for (const code of [undefined, null, 404, "", {}, Symbol("s")] as never[])
      expect(() => new TransactionRefused(code)).toThrow(mistake);
    for (const message of [null, 5, {}] as never[])
      expect(() => new TransactionRefused("closed", { message })).toThrow(mistake);
    // A text in place of the options would get lost.
    const wrongOptions = [
      null,
      "",
      "it is over",
      5,
      true,
      Symbol("s"),
      () => 1,
      [],
      ["x"],
      new Map(),
      new Date(0),
    ];
    for (const options of [...wrongOptions, { reason: "it is over" }] as never[])
      expect(() => new TransactionRefused("closed", options)).toThrow(mistake);
    for (const options of [undefined, {}, Object.create(null), { message: undefined }] as never[])
      expect(new TransactionRefused("closed", options).message).toBe("closed");
    for (const code of [null, 5, {}] as never[])
      expect(() => isTransactionRefused(new Error("x"), code)).toThrow(mistake);
  });
});

test("I12 isTransactionRefused returns false, and does not throw, for an object whose properties can't be read", () => {
  const trap = () => {
    throw new Error("a trap");
  };
  const unreadable = [
    new Proxy({}, { has: trap }),
    Object.defineProperty(new TransactionRefused("closed"), "code", { get: trap }),
    Object.defineProperty(new TransactionRefused("closed"), "code", { value: 5 }),
  ];
  for (const value of unreadable) expect(isTransactionRefused(value)).toBe(false);
  for (const value of unreadable) expect(isTransactionRefused(value, "closed")).toBe(false);
});

test("unchecked accepts every value unchanged", () => {
  const value = { a: [1] };
  expect(unchecked<typeof value>()["~standard"].validate(value)).toEqual({ value });
});

test("issuePaths lists a bounded number of paths of bounded length, and no values", () => {
  expect(issuePaths([{ message: "secret", path: ["a", 0, { key: "b" }] }, { message: "secret" }])).toBe(
    "a.0.b, the top",
  );
  const many = Array.from({ length: 1_000 }, (_, index) => ({
    message: "",
    path: ["x".repeat(1_000), index],
  }));
  expect(issuePaths(many).length).toBeLessThan(400);
});

test("core exports the same functions and classes as the protocol package, not copies", async () => {
  const protocol = await import("@wsession/protocol");
  expect(core.TransactionRefused).toBe(protocol.TransactionRefused);
  expect(core.isTransactionRefused).toBe(protocol.isTransactionRefused);
  expect(core.unchecked).toBe(protocol.unchecked);
});
