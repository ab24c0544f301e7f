/** What every application with logins promises, on every framework, runtime and store. */
import { expect } from "vitest";
import { GUEST } from "./applications.ts";
import type { Application, Parts, Visitor } from "./applications.ts";
import { next } from "./browser.ts";
import type { Browser } from "./browser.ts";

export interface Case {
  readonly name: string;
  run(start: (parts?: Parts) => Promise<Application>): Promise<void>;
}

export const asUser = (user: string): RequestInit => ({ method: "POST", headers: { "x-user": user } });
const POST: RequestInit = { method: "POST" };
const dataOf = (name: string, visits = 0): Visitor => ({ name, visits });

export async function bodyOf(answer: Promise<Response>): Promise<unknown> {
  return (await answer).json();
}

async function messageOf(client: ReturnType<Browser["connect"]>, text: string): Promise<unknown> {
  const answer = next(client, "message");
  client.sendNow(text);
  return JSON.parse(String((await answer).data));
}

const NOBODY = { subject: null, data: null };

export const cases: readonly Case[] = [
  {
    name: "a login sets a cookie that opens the session for HTTP and for sockets, and a logout ends both",
    async run(start) {
      const { browser, reports, sessions } = await start();
      const chrome = browser();
      expect(await bodyOf(chrome.fetch("/me"))).toEqual(NOBODY);

      const login = await chrome.fetch("/login", asUser("ada"));
      expect(await login.json()).toEqual({ subject: "ada", data: dataOf("ada") });
      const [theme, own] = login.headers.getSetCookie();
      expect(theme).toMatch(/^theme=dark/);
      expect(own).toMatch(/^app=[\w-]{22}\.[\w-]{43}; Path=\/; HttpOnly; SameSite=Lax/);
      expect(login.headers.get("cache-control")).toBe("no-store");
      expect(await bodyOf(chrome.fetch("/me"))).toEqual({ subject: "ada", data: dataOf("ada") });

      const client = chrome.connect();
      expect((await next(client, "session")).resumed).toBe(true);
      expect(await messageOf(client, "visit")).toEqual({ subject: "ada", data: dataOf("ada", 1) });
      expect(await bodyOf(chrome.fetch("/me"))).toMatchObject({ data: { visits: 1 } });

      const closed = next(client, "closed");
      const logout = await chrome.fetch("/logout", POST);
      expect(await logout.json()).toEqual({ destroyed: true });
      expect(await sessions.bySubject("ada")).toEqual([]);
      expect((await closed).code).toBe(4410);
      expect(logout.headers.getSetCookie()[1]).toBe("app=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0");
      expect(chrome.cookies.has("app")).toBe(false);
      expect(await bodyOf(chrome.fetch("/me"))).toEqual(NOBODY);
      expect(await bodyOf(chrome.fetch("/logout", POST))).toEqual({ destroyed: false });
      expect(reports).toEqual([]);
    },
  },
  {
    name: "a browser with several cookies of one name is logged out of each session, and no token counts as stolen (issue 13)",
    async run(start) {
      const { browser, sessions } = await start();
      const logins = [browser(), browser()];
      const closed: Promise<{ readonly code: number }>[] = [];
      for (const [index, one] of logins.entries()) {
        await one.fetch("/login", asUser(`user-${index}`));
        const client = one.connect();
        await next(client, "session");
        closed.push(next(client, "closed"));
      }
      const [first, second] = logins.map((one) => one.cookie);
      await logins[0]?.fetch("/renew", POST);
      const cookie = ["app=stale", first, logins[0]?.cookie, second].join("; ");
      const logout = await browser().fetch("/logout", { method: "POST", headers: { cookie } });
      expect(await logout.json()).toEqual({ destroyed: true });
      for (const index of [0, 1]) expect(await sessions.bySubject(`user-${index}`)).toEqual([]);
      for (const one of closed) expect((await one).code).toBe(4410);
      expect(sessions.diagnostics.tokensStolen).toBe(0);
    },
  },
  {
    name: "a login over HTTP logs the open socket in, without a reconnect, and kills the token of before (session fixation)",
    async run(start) {
      const { browser, changes, sessions } = await start();
      const chrome = browser();
      const client = chrome.connect();
      const { id } = await next(client, "session");
      const attacker = browser();
      attacker.cookies.set("app", chrome.cookies.get("app") ?? "");
      expect(await bodyOf(attacker.fetch("/me"))).toEqual({ subject: null, data: GUEST });

      await chrome.fetch("/login", asUser("ada"));
      expect(await messageOf(client, "who")).toEqual({ subject: "ada", data: dataOf("ada") });
      expect(changes.at(-1)).toEqual(dataOf("ada"));
      expect(client.session?.id).toBe(id);
      expect((await sessions.bySubject("ada")).map((session) => session.id)).toEqual([id]);

      await chrome.post("/visit");
      expect(changes.at(-1)).toEqual(dataOf("ada", 1));
      expect(await messageOf(client, "who")).toMatchObject({ data: { visits: 1 } });
      expect(await bodyOf(attacker.fetch("/me"))).toEqual(NOBODY);
    },
  },
  {
    name: "a login over an earlier login ends the earlier session and its sockets",
    async run(start) {
      const { browser, sessions } = await start();
      const chrome = browser();
      expect((await chrome.fetch("/login", asUser("ada"))).status).toBe(200);
      const before = browser();
      before.cookies.set("app", chrome.cookies.get("app") ?? "");
      const client = chrome.connect();
      await next(client, "session");
      const closed = next(client, "closed");
      await chrome.fetch("/login", asUser("bob"));
      expect(await sessions.bySubject("ada")).toEqual([]);
      expect((await closed).code).toBe(4410);
      expect(await bodyOf(chrome.fetch("/me"))).toMatchObject({ subject: "bob" });
      expect(await bodyOf(before.fetch("/me"))).toEqual(NOBODY);
    },
  },
  {
    name: "two logins at once with one anonymous cookie: each of the two cookies opens a session of its user",
    async run(start) {
      const { browser, reports, sessions } = await start();
      for (const [first, second] of [
        ["ada", "ada"],
        ["ada", "bob"],
      ] as const) {
        const chrome = browser();
        await next(chrome.connect(), "session");
        const answers = await Promise.all([
          chrome.request("/login", asUser(first)),
          chrome.request("/login", asUser(second)),
        ]);
        for (const [index, answer] of answers.entries()) {
          expect(answer.status).toBe(200);
          const kept = browser();
          kept.keep(answer.headers.getSetCookie());
          expect(await bodyOf(kept.fetch("/me"))).toMatchObject({ subject: [first, second][index] });
        }
        await sessions.destroySubject("ada");
      }
      // The later request may present the anonymous token after the earlier one has replaced it.
      expect(reports.filter((report) => !report.startsWith("theft"))).toEqual([]);
    },
  },
  {
    name: "renew sets another cookie, the sockets stay, and of two renewals at once each answer leaves a cookie that works",
    async run(start) {
      const { browser, reports } = await start({ sessions: { destroyOnTheft: true } });
      const chrome = browser();
      expect(await bodyOf(chrome.fetch("/renew", POST))).toEqual(NOBODY);
      await chrome.fetch("/login", asUser("ada"));
      const client = chrome.connect();
      await next(client, "session");
      const before = chrome.cookies.get("app");
      const answers = await Promise.all([chrome.request("/renew", POST), chrome.request("/renew", POST)]);
      const cookies = answers
        .flatMap((answer) => answer.headers.getSetCookie())
        .filter((line) => line.startsWith("app"));
      expect(cookies).toHaveLength(1);
      chrome.keep(cookies);
      expect(chrome.cookies.get("app")).not.toBe(before);
      for (const answer of answers) expect(await answer.json()).toMatchObject({ subject: "ada" });
      expect(await bodyOf(chrome.fetch("/me"))).toMatchObject({ subject: "ada" });
      expect(await messageOf(client, "who")).toMatchObject({ subject: "ada" });
      expect(reports).toEqual([]);
    },
  },
  {
    name: "requests of other sites do not log in, log out or renew: 403, and nothing is changed (CSRF)",
    async run(start) {
      const { base, browser, sessions } = await start();
      const chrome = browser();
      await chrome.fetch("/login", asUser("ada"));
      const cookies = chrome.cookie;
      const foreign: readonly Record<string, string>[] = [
        { origin: "https://evil.example" },
        { origin: "null" },
        { origin: base.replace("http:", "https:").replace(/\d+$/, "1") },
        { origin: `${base}.evil.example` },
        { origin: "not a URL" },
        { "sec-fetch-site": "cross-site" },
        { "sec-fetch-site": "same-site" },
        {},
      ];
      for (const headers of foreign)
        for (const path of ["/login", "/logout", "/renew"]) {
          const given = { ...headers, cookie: cookies, "x-user": "eve" };
          const answer = await fetch(`${base}${path}`, { method: "POST", headers: given });
          expect([path, headers, answer.status]).toEqual([path, headers, 403]);
          expect(answer.headers.getSetCookie().join()).not.toContain("app=");
        }
      const own = await fetch(`${base}/renew`, {
        method: "POST",
        headers: { "sec-fetch-site": "same-origin", cookie: cookies },
      });
      expect(own.status).toBe(200);
      expect(await sessions.bySubject("eve")).toEqual([]);
      expect(await bodyOf(chrome.fetch("/me"))).toMatchObject({ subject: "ada" });
    },
  },
  {
    name: "a list of origins decides alone, also the list of the sessions, and a function may allow programs",
    async run(start) {
      const origins = ["https://app.example.com"];
      for (const parts of [{ sessions: { origins } }, { http: { origins } }]) {
        const { browser } = await start(parts);
        expect((await browser("https://app.example.com").fetch("/login", asUser("ada"))).status).toBe(200);
        expect((await browser().fetch("/login", asUser("ada"))).status).toBe(403);
      }
      const { base } = await start({ http: { origins: (origin) => origin === undefined } });
      expect((await fetch(`${base}/login`, asUser("ada"))).status).toBe(200);
    },
  },
];
