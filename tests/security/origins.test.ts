import { Journal } from "@wsession/conformance";
import { createSessions, isSessionError, mapStore } from "@wsession/core";
import type { OriginRule, SessionsOptions } from "@wsession/core";
import { describe, expect, test } from "vitest";
import { cookieOf, runtimes, testCookie, useTrial } from "./support.ts";

const HERE = "https://app.example.com";

/** What is sent by pages that no web server handed out. */
const APPS = [
  // Electron and Cordova, of files; Chromium sends "null" for them, and for sandboxed frames.
  "file://",
  "null",
  // Electron, of a protocol that the app registered.
  "app://.",
  "app://bundle",
  // Capacitor and Ionic on iOS, and on Android.
  "capacitor://localhost",
  "ionic://localhost",
  "https://localhost",
  // Tauri on macOS and Linux, and on Windows; Wails.
  "tauri://localhost",
  "https://tauri.localhost",
  "wails://wails",
  // Extensions of Chromium, Firefox and Safari, which writes the id in capitals.
  "chrome-extension://gcbalfbdmfieckjlnblleoemohcganoc",
  "moz-extension://a1cd9ab7-ab15-462c-9315-8eece8e16982",
  "safari-web-extension://2F7A1E0C-93B5-4C1D-8F60-5A1B0D9E4C21",
  // Editors with web views.
  "vscode-webview://1b7l1qvkq6a0s0m3k7c1n4",
  "vscode-file://vscode-app",
];

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

  test("fault D5: pages of apps and extensions are let in by the origin that they send, and by no other", async () => {
    const sessions = createSessions(serving(APPS));
    const server = await trialOf().serve(sessions, {});
    for (const origin of APPS) await trialOf().connect(server, "/", { headers: { origin } });
    const strangers = ["file:///", "file://localhost", "FILE://", "app://localhost", "chrome-extension://"];
    for (const origin of [...strangers, "safari-web-extension://2f7a1e0c-93b5-4c1d-8f60-5a1b0d9e4c21"])
      expect((await trialOf().refused(server, { headers: [["origin", origin]] })).status).toBe(403);
  });

  test("two Origin headers are refused, although one of them is in the list: no proxy and no browser sends two", async () => {
    const sessions = createSessions(serving([HERE]));
    const server = await trialOf().serve(sessions, {});
    const headers = [
      ["origin", "https://evil.example"],
      ["origin", HERE],
    ] as const;
    expect((await trialOf().refused(server, { headers })).status).toBe(403);
  });

  test("a function decides, gets undefined for a missing Origin, and a throw refuses the handshake", async () => {
    const observed: unknown[] = [];
    const errors = new Journal<unknown>();
    const sessions = createSessions({
      ...serving((origin) => {
        observed.push(origin);
        if (origin === undefined) throw new Error("no origin");
        return origin.endsWith(".example.com");
      }),
      onError: (error, { stage }) => errors.note([stage, String(error)]),
    });
    const server = await trialOf().serve(sessions, {});
    await trialOf().connect(server, "/", { headers: { origin: HERE } });
    expect((await trialOf().refused(server)).status).toBe(500);
    expect(observed).toEqual([HERE, undefined]);
    expect(errors.entries).toEqual([["admit", "Error: no origin"]]);
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
  ["file:"],
  ["file:///"],
  ["file:///index.html"],
  ["https://"],
  ["chrome-extension://*"],
  ["moz-extension://a b"],
  ["Capacitor://localhost"],
])("a list with %j, which no browser sends as an Origin, throws at once", (origin) => {
  const rule = JSON.parse(JSON.stringify([HERE, origin ?? null]));
  expect(() => createSessions({ origins: rule })).toThrow(/origins must be an array/);
});

test("a list with an item that is not a string throws at once", () => {
  for (const wrong of [undefined, 5, Symbol("origin"), new String(HERE), [HERE], () => true])
    expect(() => createSessions({ origins: [HERE, wrong] as never })).toThrow(/origins must be an array/);
});

test("a string in place of a list throws, because each of its characters would count as an origin", () => {
  const rule = JSON.parse(JSON.stringify(HERE));
  try {
    createSessions({ origins: rule });
    expect.fail("it did not throw");
  } catch (error) {
    expect(isSessionError(error, "INVALID_ARGUMENT")).toBe(true);
  }
});
