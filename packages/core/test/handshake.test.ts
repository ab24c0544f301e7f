import { describe, expect, test } from "vitest";
import { accept, originAllowed, parseProtocols, plainAddress, reject } from "../src/handshake/handshake.ts";
import type { Handshake } from "../src/handshake/handshake.ts";
import { assertHeader } from "../src/handshake/headers.ts";

const invalid = expect.objectContaining({ code: "INVALID_ARGUMENT" });

const withOrigin = (origin?: string): Handshake => ({
  method: "GET",
  url: "/",
  headers: origin === undefined ? {} : { origin },
  remoteAddress: undefined,
  encrypted: false,
  protocols: [],
});

describe("admission", () => {
  test("accept keeps its options; reject takes a status of a refusal, and no other", () => {
    expect(accept()).toEqual({ type: "accept" });
    expect(accept({ subject: "ada" })).toEqual({ type: "accept", subject: "ada" });
    expect(reject(403, "no")).toEqual({ type: "reject", status: 403, reason: "no" });
    for (const status of [0, 101, 200, 302, 399, 600, 400.5, NaN])
      expect(() => reject(status)).toThrow(invalid);
  });

  test("accept throws for an unknown or invalid option, because a typing error must not admit a stranger", () => {
    expect(accept({ subject: undefined })).toEqual({ type: "accept" });
    for (const options of [
      { user: "ada" },
      { subjct: "ada" },
      { sessionID: "x" },
      "ada",
      null,
      5,
      ["ada"],
    ] as never[])
      expect(() => accept(options)).toThrow(invalid);
  });

  test("a header with an invalid name, or with a line break or NUL in its value, throws INVALID_ARGUMENT", () => {
    for (const [name, value] of [
      ["x", "a\r\nb: c"],
      ["x", "a\nb"],
      ["x", "a\0"],
      ["x y", "a"],
      ["x:", "a"],
      ["", "a"],
      ["ü", "a"],
    ] as const) {
      expect(() => assertHeader(name, value)).toThrow(invalid);
    }
    expect(() => assertHeader("x-number", 5)).toThrow(invalid);
    expect(() => assertHeader("x-good", "a\tb ü")).not.toThrow();
  });
});

describe("origins", () => {
  test("a list admits exactly its origins, and refuses a handshake without an Origin; without the option all are admitted", () => {
    const rule = ["https://example.com"];
    expect(originAllowed(rule, withOrigin("https://example.com"))).toBe(true);
    for (const origin of [
      "http://example.com",
      "https://example.com:8443",
      "https://a.example.com",
      "null",
      "",
      "https://EXAMPLE.com",
    ]) {
      expect(originAllowed(rule, withOrigin(origin))).toBe(false);
    }
    expect(originAllowed(rule, withOrigin())).toBe(false);
    expect(originAllowed([], withOrigin("https://example.com"))).toBe(false);
    expect(originAllowed(undefined, withOrigin())).toBe(true);
  });

  test("a function decides alone, and gets undefined if the handshake has no Origin", () => {
    const observed: unknown[] = [];
    const rule = (origin: string | undefined) => observed.push(origin) > 1;
    expect(originAllowed(rule, withOrigin("https://a"))).toBe(false);
    expect(originAllowed(rule, withOrigin())).toBe(true);
    expect(observed).toEqual(["https://a", undefined]);
  });

  test("a function admits by returning true and nothing else; a returned promise throws INVALID_ARGUMENT (I12)", () => {
    for (const answer of [1, "yes", {}, undefined, null])
      expect(originAllowed(() => answer as never, withOrigin("https://a"))).toBe(false);
    for (const answer of [Promise.resolve(true), Promise.reject(new Error("late"))])
      expect(() => originAllowed(() => answer as never, withOrigin("https://a"))).toThrow(invalid);
  });
});

test("subprotocols are parsed in order, without empty entries", () => {
  expect(parseProtocols(undefined)).toEqual([]);
  expect(parseProtocols("")).toEqual([]);
  expect(parseProtocols(" a, b ,,c,")).toEqual(["a", "b", "c"]);
});

test("the client's address has one form on every runtime", () => {
  expect(plainAddress("127.0.0.1")).toBe("127.0.0.1");
  expect(plainAddress("::ffff:127.0.0.1")).toBe("127.0.0.1");
  expect(plainAddress("0000:0000:0000:0000:0000:ffff:7f00:0001")).toBe("127.0.0.1");
  expect(plainAddress("0000:0000:0000:0000:0000:0000:0000:0001")).toBe("::1");
  expect(plainAddress("2001:0db8::0001")).toBe("2001:db8::1");
  expect(plainAddress("fe80::1%eth0")).toBe("fe80::1");
  expect(plainAddress("")).toBeUndefined();
  expect(plainAddress(undefined)).toBeUndefined();
});
