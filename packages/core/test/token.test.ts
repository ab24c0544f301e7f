import { createHash } from "node:crypto";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { aHandshake } from "./handshakes.ts";
import { cookieToken } from "../src/handshake/carriers.ts";
import { protocolToken, queryToken } from "../src/handshake/url-carriers.ts";
import {
  digestOf,
  newSelector,
  newVerifier,
  parseToken,
  writeRenewalCode,
  writeToken,
} from "../src/handshake/token.ts";

const invalid = expect.objectContaining({ code: "INVALID_ARGUMENT" });

const newToken = () => `${newSelector()}.${newVerifier()}`;

describe("parseToken", () => {
  test("reads an issued token: a selector of 128 bits, and a verifier of 256 bits whose digest is SHA-256", () => {
    const [selector, verifier] = [newSelector(), newVerifier()];
    expect(Buffer.from(selector, "base64url")).toHaveLength(16);
    expect(Buffer.from(verifier, "base64url")).toHaveLength(32);
    const digest = createHash("sha256").update(verifier).digest("base64url");
    expect(parseToken(`${selector}.${verifier}`)).toEqual({ id: selector, digest, renews: false });
    expect(parseToken(writeToken(selector, verifier))).toEqual({ id: selector, digest, renews: false });
    expect(parseToken(writeRenewalCode(selector, verifier))).toEqual({ id: selector, digest, renews: true });
    expect(digestOf(verifier)).toBe(digest);
  });

  test("refuses any text that is not exactly a token", () => {
    const token = newToken();
    const spoilt = [
      "",
      ".",
      token.slice(1),
      `${token}A`,
      `${token} `,
      ` ${token}`,
      `${token}\n`,
      token.replace(".", ":"),
      token.replace(".", "~~"),
      `${token.slice(0, 5)}=${token.slice(6)}`,
      `${token.slice(0, 5)}\0${token.slice(6)}`,
      `${token.slice(0, 5)}{${token.slice(6)}`,
      "x".repeat(1_000_000),
    ];
    for (const text of spoilt) expect(parseToken(text)).toBeUndefined();
  });

  test("never throws, and returns an id that is safe as a key, or undefined", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.string({ minLength: 66, maxLength: 66 })), (text) => {
        expect(parseToken(text)?.id ?? "A").toMatch(/^[\w-]+$/);
      }),
    );
  });
});

describe("cookieToken", () => {
  test("the default cookie is __Host-, HttpOnly, Secure and SameSite=Lax", () => {
    const token = newToken();
    expect(cookieToken().write(token, 90_500)).toEqual([
      "set-cookie",
      `__Host-wsession=${token}; Path=/; HttpOnly; SameSite=Lax; Secure; Max-Age=90`,
    ]);
    expect(cookieToken().write(token, Infinity)[1]).not.toContain("Max-Age");
    expect(cookieToken().write(token, -5)[1]).toContain("Max-Age=0");
  });

  test("reads the first cookie with its name among other cookies, well-formed or not", () => {
    const { read } = cookieToken({ name: "sid" });
    const cookies = (cookie: string) => read(aHandshake({ headers: { cookie } }));
    expect(cookies("a=1; sid=T; b=2")).toBe("T");
    expect(cookies("sid=T")).toBe("T");
    expect(cookies("sid=one; sid=two")).toBe("one");
    expect(cookies("xsid=T; sidx=T; =T; sid")).toBeUndefined();
    expect(cookies("a=sid=T")).toBeUndefined();
    expect(cookies("  sid = T  ")).toBe("T");
    expect(cookies(`${"x".repeat(20_000)}; sid=T`)).toBeUndefined();
    expect(read(aHandshake({}))).toBeUndefined();
  });

  test("a renewal code counts only beside the cookie of the same session, against session fixation", () => {
    const { readRenewal } = cookieToken({ name: "sid" });
    const [own, code] = [`${"a".repeat(22)}.x`, `${"a".repeat(22)}.y`];
    const url = `/?renewal=${code}`;
    expect(readRenewal(aHandshake({ url, headers: { cookie: `sid=${own}` } }))).toBe(code);
    expect(readRenewal(aHandshake({ url, headers: { cookie: `sid=${"b".repeat(22)}.x` } }))).toBeUndefined();
    expect(readRenewal(aHandshake({ url }))).toBeUndefined();
    expect(readRenewal(aHandshake({ headers: { cookie: `sid=${own}` } }))).toBeUndefined();
  });

  test("an invalid cookie name throws at once, and so does a __Host- prefix or SameSite=None without Secure", () => {
    for (const name of ["", "a b", "a;b", "a=b", "ü", "a\n"])
      expect(() => cookieToken({ name })).toThrow(invalid);
    for (const name of ["__Host-x", "__Secure-x", "__host-x"]) {
      expect(() => cookieToken({ name, secure: false })).toThrow(invalid);
    }
    expect(() => cookieToken({ name: "x", secure: false, sameSite: "None" })).toThrow(invalid);
    expect(() => cookieToken({ secure: false })).toThrow(invalid);
    expect(cookieToken({ name: "x", sameSite: "None" }).write("t", 1)[1]).toContain("SameSite=None; Secure");
  });
});

describe("queryToken and protocolToken", () => {
  test("read the query's parameter, decoded, at any place in the query", () => {
    const { read } = queryToken();
    expect(read(aHandshake({ url: "/path?a=1&token=T&token=U" }))).toBe("T");
    expect(read(aHandshake({ url: "/?token=a%2Eb" }))).toBe("a.b");
    expect(read(aHandshake({ url: "/?token=%ZZ" }))).toBe("%ZZ");
    expect(read(aHandshake({ url: "/token=T" }))).toBeUndefined();
    expect(read(aHandshake({ url: `/?${"x".repeat(20_000)}&token=T` }))).toBeUndefined();
    expect(queryToken({ parameter: "t" }).read(aHandshake({ url: "/?token=T&t=U" }))).toBe("U");
  });

  test("read the offered subprotocol with the prefix, and no other subprotocol", () => {
    const { read, isTokenProtocol } = protocolToken();
    expect(read(aHandshake({ protocols: ["chat", "wsession.T"] }))).toBe("T");
    expect(read(aHandshake({ protocols: ["chat"] }))).toBeUndefined();
    expect(["chat", "wsession.T", "wsession"].map((name) => isTokenProtocol?.(name))).toEqual([
      false,
      true,
      false,
    ]);
    for (const prefix of ["", "a b", "a,b"]) expect(() => protocolToken({ prefix })).toThrow(invalid);
  });

  test("never throw, whatever bytes a stranger sends", () => {
    const carriers = [cookieToken(), queryToken(), protocolToken()];
    fc.assert(
      fc.property(fc.string(), fc.string(), fc.array(fc.string()), (query, cookie, protocols) => {
        const handshake = aHandshake({ url: `/?${query}`, headers: { cookie }, protocols });
        for (const { read, readRenewal } of carriers) {
          read(handshake);
          readRenewal?.(handshake);
        }
        expect(carriers).toHaveLength(3);
      }),
    );
  });
});

describe("secrets", () => {
  test("are random and distinct, however many are generated", () => {
    const drawn = Array.from({ length: 2_000 }, (_, turn) =>
      turn % 3 === 0 ? newSelector() : newVerifier(),
    );
    expect(new Set(drawn).size).toBe(drawn.length);
    const bytes = drawn.map((text) => Buffer.from(text, "base64url"));
    // Each bit of each byte is set in about half of them: no part of any is what a wiped or unfilled buffer holds.
    for (let bit = 0; bit < 16 * 8; bit += 1) {
      const set = bytes.filter((secret) => ((secret[bit >> 3] ?? 0) >> (bit & 7)) & 1).length;
      expect(Math.abs(set - drawn.length / 2)).toBeLessThan(drawn.length / 8);
    }
  });
});
