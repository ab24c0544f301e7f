import { Journal } from "@wsession/conformance";
import { createSessions, isSessionError, mapStore } from "@wsession/core";
import type { OriginRule, SessionsOptions } from "@wsession/core";
import { describe, expect, test } from "vitest";
import { cookieOf, runtimes, testCookie, useTrial } from "./support.ts";

const HERE = "https://app.example.com";

function serving(origins: OriginRule | undefined): SessionsOptions<object> & { initial: () => object } {
  return { store: mapStore(), token: testCookie(), origins, initial: () => ({}) };
}

describe.each(runtimes)("on $runtime", (harness) => {
  const trialOf = useTrial(harness);

  test("cross-site hijack by Origin: a page of another site is refused with 403, whatever cookie its visitor has", async () => {
    const asked = new Journal();
    const sessions = createSessions({
      ...serving([HERE]),
      admit: ({ headers }) => {
        asked.note(headers["origin"] ?? "none");
        return { type: "accept" };
      },
    });
    const server = await trialOf().serve(sessions, {});
    const cookie = cookieOf(await trialOf().connect(server, "/", { headers: { origin: HERE } }));
    for (const origin of [
      "https://evil.example",
      "https://app.example.com.evil.example",
      "https://evil.app.example.com",
      "http://app.example.com",
      "https://app.example.com:8443",
      "https://APP.example.com",
      "https://app.example.com/",
      "null",
      "",
      "https://evil.example, https://app.example.com",
    ]) {
      const headers = [
        ["cookie", `sid=${cookie}`],
        ["origin", origin],
      ] as const;
      expect(await trialOf().refused(server, { headers })).toMatchObject({
        status: 403,
        body: "origin not allowed",
      });
    }
    const absent = await trialOf().refused(server, { headers: [["cookie", `sid=${cookie}`]] });
    expect(absent.status).toBe(403);
    expect(asked.entries).toEqual([HERE]);
    expect(sessions.diagnostics).toMatchObject({ handshakesRefused: 11, sessionsResumed: 0 });
  });

  test("two Origin headers are not one of the list: no proxy and no browser sends them", async () => {
    const sessions = createSessions(serving([HERE]));
    const server = await trialOf().serve(sessions, {});
    const headers = [
      ["origin", "https://evil.example"],
      ["origin", HERE],
    ] as const;
    expect((await trialOf().refused(server, { headers })).status).toBe(403);
  });

  test("a function decides, is told of a missing Origin, and a throw lets nobody in", async () => {
    const seen: unknown[] = [];
    const sessions = createSessions(
      serving((origin) => {
        seen.push(origin);
        if (origin === undefined) throw new Error("no origin");
        return origin.endsWith(".example.com");
      }),
    );
    const server = await trialOf().serve(sessions, {});
    await trialOf().connect(server, "/", { headers: { origin: HERE } });
    expect((await trialOf().refused(server)).status).toBe(500);
    expect(seen).toEqual([HERE, undefined]);
  });
});

test.each([
  ["https://app.example.com/"],
  ["https://App.example.com"],
  ["https://app.example.com:443"],
  ["app.example.com"],
  ["https://*.example.com/path"],
  ["*"],
  [""],
  [undefined],
])("a list with %j, which no browser sends as an Origin, throws at once", (origin) => {
  const rule = JSON.parse(JSON.stringify([HERE, origin ?? null]));
  expect(() => createSessions({ origins: rule })).toThrow(/origins lists/);
});

test("a string in place of a list throws: its parts would pass", () => {
  const rule = JSON.parse(JSON.stringify(HERE));
  try {
    createSessions({ origins: rule });
    expect.fail("it did not throw");
  } catch (error) {
    expect(isSessionError(error, "INVALID_ARGUMENT")).toBe(true);
  }
});

test("origins of apps and of sandboxed pages can be listed", () => {
  const rule = [
    "capacitor://localhost",
    "chrome-extension://abcdefghijklmnop",
    "http://localhost:3000",
    "null",
  ];
  expect(() => createSessions({ origins: rule })).not.toThrow();
});
