import { cookieToken, protocolToken, queryToken } from "@wsession/core";
import type { Handshake } from "@wsession/core";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { aHandshake } from "../../packages/core/test/handshakes.ts";
import { parseProtocols } from "../../packages/core/src/handshake/handshake.ts";
import { isSessionId, parseToken } from "../../packages/core/src/handshake/token.ts";

const RUNS = { numRuns: 1_000 };
const bytes = fc.string({ unit: "binary", maxLength: 300, size: "max" });
const base64url = fc.constantFrom(
  ...Array.from("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"),
);
const token = fc
  .tuple(
    fc.string({ unit: base64url, minLength: 22, maxLength: 22 }),
    fc.constantFrom(".", "~"),
    fc.string({ unit: base64url, minLength: 43, maxLength: 43 }),
  )
  .map((parts) => parts.join(""));
/** What is almost a token: one character more, less, or another one. */
const almost = fc
  .tuple(token, fc.nat(66), fc.string({ unit: "binary", maxLength: 2 }))
  .map(([text, at, other]) => {
    return text.slice(0, at) + other + text.slice(at + 1);
  });
const reserved = fc.constantFrom("__proto__", "constructor", "prototype", "toString", "hasOwnProperty", "");

function withHeader(name: string, value: string): Handshake {
  const headers: Record<string, string> = Object.create(null);
  headers[name] = value;
  return aHandshake({ headers });
}

describe("a token", () => {
  test("is read exactly, or not at all, and no other text throws", () => {
    fc.assert(
      fc.property(fc.oneof(token, almost, bytes, reserved), (text) => {
        const parsed = parseToken(text);
        const wellFormed = /^[A-Za-z0-9_-]{22}[.~][A-Za-z0-9_-]{43}$/.test(text) && text.length === 66;
        expect(parsed !== undefined).toBe(wellFormed);
        if (parsed === undefined) return;
        expect(parsed.id).toBe(text.slice(0, 22));
        expect(parsed.renews).toBe(text[22] === "~");
        expect(isSessionId(parsed.id)).toBe(true);
        expect(parsed.digest).not.toContain(text.slice(23));
      }),
      RUNS,
    );
  });

  test("an id that could name a key of another kind is invalid", () => {
    fc.assert(
      fc.property(
        fc.oneof(bytes, reserved, fc.string({ unit: base64url, maxLength: 80, size: "max" })),
        (id) => {
          if (isSessionId(id)) expect(id).toMatch(/^[A-Za-z0-9_-]{1,64}$/);
          else expect(id === "" || id.length > 64 || /[^A-Za-z0-9_-]/.test(id)).toBe(true);
        },
      ),
      RUNS,
    );
  });
});

describe("a cookie header", () => {
  const carrier = cookieToken();
  const NAME = "__Host-wsession";
  const name = fc.oneof(
    reserved,
    fc.constant(NAME),
    fc.constant(NAME.toLowerCase()),
    fc.string({ maxLength: 20, size: "max" }),
  );
  const value = fc.oneof(token, almost, bytes, fc.constant('"quoted"'), fc.constant("a=b=c"));

  test("gives the first cookie of the name, or none, and never throws", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(name, fc.constantFrom("=", " = ", "", "==", "\t=\t"), value), {
          maxLength: 30,
          size: "max",
        }),
        (pairs) => {
          const header = pairs.map((parts) => parts.join("")).join("; ");
          const model = header
            .split(";")
            .map((pair) => /^\s*([^=]+?)\s*=([^]*)$/u.exec(pair))
            .find((found) => found?.[1]?.trim() === NAME)?.[2];
          expect(carrier.read(withHeader("cookie", header))).toBe(model?.trim());
        },
      ),
      RUNS,
    );
  });

  test("finds its token among any others", () => {
    const other = fc
      .string({ maxLength: 40, size: "max" })
      .filter((text) => !text.includes(";") && !text.includes(NAME));
    fc.assert(
      fc.property(
        fc.array(other, { maxLength: 20, size: "max" }),
        fc.array(other, { maxLength: 20, size: "max" }),
        token,
        (before, after, own) => {
          const header = [...before, `${NAME}=${own}`, ...after].join(";");
          expect(carrier.read(withHeader("cookie", header))).toBe(own);
        },
      ),
      RUNS,
    );
  });

  test("over 16 KiB is not read, and neither is such an address, so that a stranger can't cause unbounded work", () => {
    fc.assert(
      fc.property(token, fc.nat(100_000), (own, more) => {
        const cookie = `${NAME}=${own}; f=`;
        expect(carrier.read(withHeader("cookie", cookie.padEnd(16_384, "x")))).toBe(own);
        expect(carrier.read(withHeader("cookie", cookie.padEnd(16_385 + more, "x")))).toBeUndefined();
        const url = `/?token=${own}&f=`;
        expect(queryToken().read(aHandshake({ url: url.padEnd(16_384, "x") }))).toBe(own);
        expect(queryToken().read(aHandshake({ url: url.padEnd(16_385 + more, "x") }))).toBeUndefined();
      }),
      { numRuns: 50 },
    );
  });

  test("a cookie that the carrier writes is one valid header, and is read back unchanged", () => {
    fc.assert(
      fc.property(
        token,
        fc.oneof(fc.double({ min: 0, noNaN: true }), fc.constant(Infinity)),
        (own, maxAgeMs) => {
          const [header, text] = carrier.write(own, maxAgeMs);
          expect(header).toBe("set-cookie");
          expect(text).toMatch(
            /^__Host-wsession=[\w.~-]+; Path=\/; HttpOnly; SameSite=Lax; Secure(; Max-Age=\d{1,8})?$/,
          );
          expect(carrier.read(withHeader("cookie", text.split(";")[0] ?? ""))).toBe(own);
        },
      ),
      RUNS,
    );
  });
});

describe("a query", () => {
  test("of any bytes gives text or nothing, and does not throw; a renewal code needs its cookie", () => {
    const url = fc.oneof(
      bytes,
      bytes.map((text) => `/?${text}`),
      fc.tuple(reserved, bytes).map(([name, text]) => `/?${name}=${text}&token=${text}&renewal=%`),
      fc
        .array(fc.constantFrom("%", "%0", "%zz", "&", "=", "?", "#", "+", "token", "renewal", "\0"))
        .map((parts) => `/?${parts.join("")}`),
    );
    fc.assert(
      fc.property(url, (text) => {
        expect(["string", "undefined"]).toContain(typeof queryToken().read(aHandshake({ url: text })));
        expect(cookieToken().readRenewal(aHandshake({ url: text }))).toBeUndefined();
      }),
      RUNS,
    );
  });

  test("is read as the URL standard's parser reads it, with or without something to decode", () => {
    const words = [
      "token",
      "tok",
      "en",
      "=",
      "==",
      "&",
      "&&",
      "&token=",
      "x",
      "%74",
      "%zz",
      "+",
      "?",
      "#",
      "a=b",
    ];
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom(...words), { maxLength: 12, size: "max" }),
        fc.constantFrom("token", "", "a=b", "tok", "?token"),
        (parts, parameter) => {
          const query = parts.join("");
          const found = new URLSearchParams(query).get(parameter) ?? undefined;
          expect(queryToken({ parameter }).read(aHandshake({ url: `/?${query}` }))).toBe(found);
        },
      ),
      RUNS,
    );
  });

  test("the first token counts, whatever is around it", () => {
    const other = fc
      .tuple(fc.string({ maxLength: 10 }), fc.string({ maxLength: 10 }))
      .filter(([name]) => name !== "token");
    fc.assert(
      fc.property(fc.array(other, { maxLength: 10 }), token, bytes, (others, own, second) => {
        const query = new URLSearchParams([...others, ["token", own], ["token", second]]);
        expect(queryToken().read(aHandshake({ url: `/path?${query}` }))).toBe(own);
      }),
      RUNS,
    );
  });
});

describe("a subprotocol header", () => {
  test("of any bytes is a list of names, none of them empty, and does not throw", () => {
    const header = fc.oneof(
      bytes,
      fc.array(fc.oneof(bytes, fc.constantFrom(",", ",,", " ", "\t"))).map((parts) => parts.join(",")),
    );
    fc.assert(
      fc.property(header, (text) => {
        const names = parseProtocols(text);
        expect(names.every((name) => name !== "" && name === name.trim() && !name.includes(","))).toBe(true);
        const found = protocolToken().read(aHandshake({ protocols: names }));
        if (found !== undefined) expect(names).toContain(`wsession.${found}`);
      }),
      RUNS,
    );
  });
});

test("none of them polluted a prototype", () => {
  expect(Object.keys(Object.prototype)).toEqual([]);
  expect(Object.keys(Array.prototype)).toEqual([]);
});
