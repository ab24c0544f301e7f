import { describe, expect, test } from "vitest";
import { frameworks, start } from "./applications.ts";
import type { Visitor } from "./applications.ts";
import { next } from "./browser.ts";

const asUser = (user: string): RequestInit => ({ method: "POST", headers: { "x-user": user } });
const ada: Visitor = { name: "ada", visits: 0 };

async function bodyOf(answer: Promise<Response>): Promise<unknown> {
  return (await answer).json();
}

describe.each(frameworks)("on %s", (framework) => {
  test("a login sets a cookie that opens the session for HTTP and for sockets, and a logout ends both", async () => {
    const { browser, reports, sessions } = await start(framework);
    const chrome = browser();
    expect(await bodyOf(chrome.fetch("/me"))).toEqual({ subject: null, data: null });

    const login = await chrome.fetch("/login", asUser("ada"));
    expect(await login.json()).toEqual({ subject: "ada", data: ada });
    const [theme, own] = login.headers.getSetCookie();
    expect(theme).toMatch(/^theme=dark/);
    expect(own).toMatch(/^app=[\w-]{22}\.[\w-]{43}; Path=\/; HttpOnly; SameSite=Lax/);
    expect(login.headers.get("cache-control")).toBe("no-store");
    expect(await bodyOf(chrome.fetch("/me"))).toEqual({ subject: "ada", data: ada });

    const client = chrome.connect();
    expect((await next(client, "session")).resumed).toBe(true);
    const answer = next(client, "message");
    client.sendNow("visit");
    expect(JSON.parse(String((await answer).data))).toEqual({ subject: "ada", data: { ...ada, visits: 1 } });
    expect(await bodyOf(chrome.fetch("/me"))).toMatchObject({ data: { visits: 1 } });

    const closed = next(client, "closed");
    const logout = await chrome.fetch("/logout", { method: "POST" });
    expect(await logout.json()).toEqual({ destroyed: true });
    expect((await closed).code).toBe(4410);
    expect(logout.headers.getSetCookie()[1]).toBe("app=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0");
    expect(chrome.cookies.has("app")).toBe(false);
    expect(await bodyOf(chrome.fetch("/me"))).toEqual({ subject: null, data: null });
    expect(await bodyOf(chrome.fetch("/logout", { method: "POST" }))).toEqual({ destroyed: false });
    expect(await sessions.bySubject("ada")).toEqual([]);
    expect(reports).toEqual([]);
  });
});
