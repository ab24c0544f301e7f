import { Journal, within } from "@wsession/conformance";
import type { AdapterServer } from "@wsession/conformance";
import { cookieToken, createSessions, isSessionError, protocolToken, queryToken } from "@wsession/core";
import type { TokenCarrier } from "@wsession/core";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { cookieOf, runtimes, testCookie, useRedis, useTrial } from "./support.ts";

const redis = useRedis();

/** One byte each on the wire, and nothing that would end the header. */
const headerText = fc
  .string({
    unit: fc.integer({ min: 1, max: 255 }).map((code) => String.fromCharCode(code)),
    maxLength: 200,
    size: "max",
  })
  .map((text) => text.replaceAll(/[\r\n]/g, "."));
const printable = fc.string({
  unit: fc.integer({ min: 0x21, max: 0x7e }).map((code) => String.fromCharCode(code)),
  maxLength: 80,
  size: "max",
});
const piece = fc.oneof(
  printable,
  headerText,
  fc.constantFrom(
    "__proto__",
    "constructor",
    "sid=",
    ";",
    ",",
    "=",
    '"',
    "wsession.",
    "A".repeat(22) + ".",
    "B".repeat(43),
  ),
);
const text = fc.array(piece, { maxLength: 8 }).map((parts) => parts.join(""));
const names = [
  "cookie",
  "cookie",
  "sec-websocket-protocol",
  "origin",
  "constructor",
  "authorization",
  "sec-websocket-extensions",
];

/** uWS waits 10 s for the rest of a request that it can't parse, then hangs up. The test leaves such requests out. */
function headersFor(runtime: string) {
  if (runtime === "ws")
    return fc.array(fc.tuple(fc.constantFrom(...names, "__proto__"), text), { maxLength: 4 });
  // oxlint-disable-next-line no-control-regex -- control characters are what it can't parse
  const value = text.map((parts) => parts.replaceAll(/[\0-\u0008\u000b-\u001f\u007f]/g, "."));
  return fc.array(fc.tuple(fc.constantFrom(...names), value), { maxLength: 4 });
}

const path = text.map(
  (parts) =>
    `/?${parts.replaceAll(/[\0-\u0020\u007f-\u00ff#]/g, (character) => encodeURIComponent(character))}`,
);

const carriers: readonly (readonly [string, TokenCarrier])[] = [
  ["cookie", cookieToken({ name: "sid", secure: false })],
  ["query", queryToken()],
  ["subprotocol", protocolToken()],
];

describe.each(runtimes)("on $runtime", (harness) => {
  const trialOf = useTrial(harness);

  async function statusOf(
    server: AdapterServer,
    url: string,
    headers: readonly (readonly [string, string])[],
  ): Promise<number> {
    const raw = trialOf().raw(server);
    raw.socket.setDefaultEncoding("latin1");
    raw.upgrade({ path: url, headers });
    const { status } = await within(5_000, `an answer to ${JSON.stringify([url, headers])}`, raw.response);
    raw.destroy();
    return status;
  }

  test.each(carriers)(
    "handshakes of any bytes, with a %s: an answer or an end, typed errors alone, no key outside the prefix",
    async (name, token) => {
      const prefix = `fuzz-${harness.runtime}-${name}`;
      const client = redis.connect();
      const errors = new Journal<unknown>();
      const sessions = createSessions({
        store: redis.store(prefix),
        token,
        admit({ headers, protocols, url }) {
          expect(Object.getPrototypeOf(headers)).toBeNull();
          expect(
            Object.entries(headers).every(
              ([key, value]) => key === key.toLowerCase() && typeof value === "string",
            ),
          ).toBe(true);
          expect(protocols.every((one) => one !== "")).toBe(true);
          expect(url.startsWith("/")).toBe(true);
          return { type: "accept" };
        },
        initial: () => ({ n: 0 }),
        onError: (error) => errors.note(error),
      });
      const server = await trialOf().serve(sessions, {});
      await fc.assert(
        fc.asyncProperty(path, headersFor(harness.runtime), async (url, headers) => {
          // 0: the runtime found no HTTP in it, and hung up.
          expect([101, 400, 431, 0]).toContain(await statusOf(server, url, headers));
        }),
        { numRuns: 120 },
      );
      expect(errors.entries).toEqual([]);
      expect(Object.keys(Object.prototype)).toEqual([]);
      expect(sessions.diagnostics.handshakesPending).toBe(0);
      expect(await statusOf(server, "/", [])).toBe(101);
      const keys = await client.keys("*");
      expect(
        keys.filter((key) => !/^fuzz-(ws|uws)-(cookie|query|subprotocol|record):[snug]:/.test(key)),
      ).toEqual([]);
      expect(keys.some((key) => key.startsWith(`${prefix}:s:{`))).toBe(true);
    },
  );

  test("stored records of any bytes: CORRUPT_RECORD or data, never another error, and the record is left as it is", async () => {
    const prefix = `fuzz-${harness.runtime}-record`;
    const client = redis.connect();
    const errors = new Journal<unknown>();
    const sessions = createSessions<Record<string, unknown>>({
      store: redis.store(prefix),
      token: testCookie(),
      initial: () => ({ note: "kept" }),
      onError: (error) => errors.note(error),
    });
    const server = await trialOf().serve(sessions, {});
    const number = fc.oneof(
      fc.nat().map(String),
      fc.constantFrom("0", "-1", "1e9", "9".repeat(40), "", " ", "NaN"),
    );
    const metadata = fc.array(number, { minLength: 4, maxLength: 8 }).map((parts) => parts.join(" "));
    const json = fc.oneof(
      fc.json({ maxDepth: 4 }),
      fc.constantFrom('{"__proto__":{"polluted":1}}', "{", "undefined", "NaN", '"\\ud800"', ""),
    );
    const field = fc.oneof(
      fc.tuple(fc.constant("m"), fc.oneof(metadata, headerText)),
      fc.tuple(fc.constantFrom("v", "q", "n", "h", "s", "w", "x", "t"), fc.oneof(metadata, headerText)),
      fc.tuple(
        fc.constantFrom("d:note", "d:", "d:other", "d:__proto__", "d:constructor", "d:prototype"),
        fc.oneof(json, headerText),
      ),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(field, { minLength: 1, maxLength: 3 }), async (fields) => {
        const { session, token } = await sessions.create({ note: "kept" });
        const key = `${prefix}:s:{${session.id}}`;
        for (const [name, value] of fields) await client.hset(key, name, value);
        const before = await client.hgetall(key);
        try {
          const found = await sessions.get(session.id);
          if (found !== undefined) expect(Object.getPrototypeOf(found.data)).toBe(Object.prototype);
        } catch (error) {
          expect(isSessionError(error, "CORRUPT_RECORD")).toBe(true);
        }
        expect(await client.hgetall(key)).toEqual(before);
        const status = await statusOf(server, "/", [["cookie", `sid=${token}`]]);
        expect([101, 503]).toContain(status);
        const after = await client.hgetall(key);
        const kept = Object.entries(before).filter(
          ([name]) => name.startsWith("d:") || (status === 503 && name === "m"),
        );
        if (Object.keys(after).length > 0) expect(after).toMatchObject(Object.fromEntries(kept));
        expect("polluted" in {}).toBe(false);
      }),
      { numRuns: 150 },
    );
    for (const error of errors.entries)
      expect(isSessionError(error) || String(error).includes("previous token")).toBe(true);
    expect(cookieOf(await trialOf().connect(server))).toMatch(/\S/);
  });
});
