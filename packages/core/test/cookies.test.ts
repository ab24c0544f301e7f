/** The cookies of `cookieToken` in a cookie jar with the rules of browsers (RFC 6265bis). */
import { CookieJar } from "tough-cookie";
import { describe, expect, test } from "vitest";
import { cookieToken } from "../src/handshake/carriers.ts";
import type { CookieOptions } from "../src/handshake/carriers.ts";

const SETTER = "https://app.example.com/chat/room";

/** The cookies that a jar sends to `url`, after a page of `from` got the cookie. */
async function sentTo(url: string, options: CookieOptions, from = SETTER): Promise<string> {
  const jar = new CookieJar(undefined, { prefixSecurity: "strict" });
  await jar.setCookie(cookieToken(options).write("token", 60_000)[1], from);
  return jar.getCookieString(url);
}

describe("a jar keeps the cookie of cookieToken", () => {
  const kept: readonly (readonly [
    what: string,
    options: CookieOptions,
    to: readonly string[],
    notTo: readonly string[],
    name: string,
  ])[] = [
    [
      "without options: for the host alone",
      {},
      [SETTER, "https://app.example.com/"],
      ["https://example.com/", "https://api.example.com/", "http://app.example.com/"],
      "__Host-wsession",
    ],
    [
      "with domain: for the domain and its subdomains",
      { domain: "example.com" },
      [SETTER, "https://example.com/", "https://api.example.com/"],
      ["https://example.org/", "http://example.com/"],
      "__Secure-wsession",
    ],
    [
      "with path: for the URLs under the path",
      { path: "/chat" },
      [SETTER, "https://app.example.com/chat"],
      ["https://app.example.com/", "https://app.example.com/chatter", "https://api.example.com/chat"],
      "__Secure-wsession",
    ],
    [
      "with partitioned and SameSite=None",
      { partitioned: true, sameSite: "None" },
      [SETTER],
      ["https://example.com/"],
      "__Host-wsession",
    ],
    [
      "with domain, path and a name without a prefix, over plain HTTP",
      { name: "sid", secure: false, domain: "example.com", path: "/chat" },
      ["http://app.example.com/chat", "https://api.example.com/chat/x"],
      ["http://app.example.com/"],
      "sid",
    ],
  ];

  test.each(kept)("%s", async (_, options, to, notTo, name) => {
    for (const url of to) expect(await sentTo(url, options)).toBe(`${name}=token`);
    for (const url of notTo) expect(await sentTo(url, options)).toBe("");
  });

  test("and clears it by the same attributes with a Max-Age of 0", async () => {
    const carrier = cookieToken({ domain: "example.com", path: "/chat" });
    const jar = new CookieJar(undefined, { prefixSecurity: "strict" });
    await jar.setCookie(carrier.write("token", 60_000)[1], SETTER);
    await jar.setCookie(carrier.write("", 0)[1], SETTER);
    expect(await jar.getCookieString(SETTER)).toBe("");
  });
});

test("the attributes of the cookie have a fixed order", () => {
  const { write, read } = cookieToken({ domain: "example.com", path: "/chat", partitioned: true });
  expect(write("token", 60_000)).toEqual([
    "set-cookie",
    "__Secure-wsession=token; Path=/chat; Domain=example.com; HttpOnly; SameSite=Lax; Secure; Partitioned; Max-Age=60",
  ]);
  const handshake = { url: "/", headers: { cookie: "__Secure-wsession=token" }, protocols: [] };
  expect(read({ ...handshake, method: "GET", remoteAddress: undefined, encrypted: true })).toBe("token");
});

describe("cookieToken refuses options whose cookie browsers would drop:", () => {
  const refused: readonly (readonly [what: string, options: CookieOptions])[] = [
    ["__Host- with a domain", { name: "__Host-sid", domain: "example.com" }],
    ["__Host- with a path", { name: "__Host-sid", path: "/chat" }],
    ["__host- in another case with a path", { name: "__hOST-sid", path: "/chat" }],
    ["Partitioned without Secure", { name: "sid", secure: false, partitioned: true }],
    ["the default name with a domain, without Secure", { secure: false, domain: "example.com" }],
    ["__Http- without Secure", { name: "__Http-sid", secure: false }],
  ];

  test.each(refused)("%s", (_, options) => {
    expect(() => cookieToken(options)).toThrow(expect.objectContaining({ code: "INVALID_ARGUMENT" }));
  });

  test("the jar, which applies the rules of browsers, refuses such a cookie too", async () => {
    for (const attributes of ["Path=/; Domain=example.com; Secure", "Path=/chat; Secure", "Path=/"]) {
      const jar = new CookieJar(undefined, { prefixSecurity: "strict" });
      await expect(jar.setCookie(`__Host-sid=token; ${attributes}`, SETTER)).rejects.toThrow("__Host");
    }
  });
});
