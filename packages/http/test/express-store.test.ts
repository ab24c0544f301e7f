import { isSessionError, mapStore } from "@wsession/core";
import { createWithId } from "@wsession/core/runtime";
import { expressStore } from "@wsession/http";
import type { SessionOptions } from "express-session";
import { describe, expect, test } from "vitest";
import { newGap } from "../../../tests/gaps.ts";
import { serve } from "../../../tests/runtimes.ts";
import { openStore } from "../../../tests/stores.ts";
import { expectRefused, show, wrongFor } from "../../../tests/wrong-values.ts";
import { useRedisServer } from "../../store-redis/test/shared-servers.ts";
import { Browser, next } from "./browser.ts";
import { type Kept, type Routes, firstOf, onExpress, onFastify, sessionsOn } from "./express-applications.ts";

const redis = useRedisServer();

const middlewares = { "express-session": onExpress, "@fastify/session": onFastify } as const;
const combinations = Object.entries(middlewares).flatMap(([name, listen]) =>
  (["map", "redis"] as const).map((store) => ({ name, listen, store })),
);

const POST: RequestInit = { method: "POST" };
const bodyOf = async (answer: Promise<Response>): Promise<unknown> => (await answer).json();

describe.each(combinations)("$name on the $store store", ({ listen, store: kind }) => {
  async function application() {
    const { sessions, store, reports } = sessionsOn(openStore(kind, redis.port));
    const routes: Routes = { gap: newGap(), failures: [] };
    const base = await listen(store, routes);
    const changes: Kept[] = [];
    const sockets = await serve("ws", sessions, {
      change: (_, data) => changes.push(data),
      async message(connection, text) {
        await connection.session?.patch({ views: Number(text) });
        connection.send("done");
      },
    });
    const browser = new Browser(base, `ws://127.0.0.1:${sockets.port}`);
    return { browser, sessions, store, changes, reports, ...routes };
  }

  test("a request that deletes each field that it finds leaves none", async () => {
    const { browser, failures } = await application();
    await browser.post("/set/user/ada");
    await browser.post("/clear");
    expect(await bodyOf(browser.fetch("/"))).toHaveProperty("data", {});
    expect(failures).toEqual([]);
  });

  test("writes over HTTP are in the socket's session and the other way round, and a logout closes the socket", async () => {
    const { browser, changes, sessions, reports, failures } = await application();
    expect(await bodyOf(browser.fetch("/"))).toMatchObject({ data: {} });
    expect(browser.cookies.size).toBe(0);
    await browser.post("/set/user/ada");
    expect(await bodyOf(browser.fetch("/"))).toMatchObject({ data: { user: "ada" } });
    const client = browser.connect();
    await next(client, "session");
    await browser.post("/set/theme/dark");
    expect(changes.at(-1)).toMatchObject({ user: "ada", theme: "dark" });
    const answer = next(client, "message");
    client.sendNow("7");
    await answer;
    expect(await bodyOf(browser.fetch("/"))).toMatchObject({
      data: { user: "ada", theme: "dark", views: 7 },
    });
    await browser.post("/remove/theme");
    expect(changes.at(-1)).not.toHaveProperty("theme");
    const before = changes.length;
    await browser.fetch("/");
    expect(changes.length).toBe(before);
    const closed = next(client, "closed");
    await browser.post("/logout");
    expect((await closed).code).toBe(4410);
    for await (const one of sessions.entries()) expect.unreachable(one.id);
    expect([reports, failures]).toEqual([[], []]);
  });

  test("a slow request does not undo writes of others to other fields meanwhile (I8)", async () => {
    const { browser, gap } = await application();
    await browser.post("/set/user/ada");
    const slow = browser.post("/set/theme/dark?slow");
    await gap.reached;
    await browser.post("/set/views/3");
    await browser.post("/set/user/grace");
    gap.letGo();
    await slow;
    expect(await bodyOf(browser.fetch("/"))).toMatchObject({
      data: { user: "grace", views: "3", theme: "dark" },
    });
  });

  test("a slow request does not bring a session back that was destroyed meanwhile (I9), and its change is an error", async () => {
    const { browser, gap, sessions, failures } = await application();
    await browser.post("/set/user/ada");
    const cookie = browser.cookie;
    const slow = browser.request("/set/theme/dark?slow", POST).catch(() => undefined);
    await gap.reached;
    await browser.post("/logout");
    gap.letGo();
    await slow;
    await expect.poll(() => failures.map((error) => isSessionError(error, "SESSION_GONE"))).toEqual([true]);
    for await (const one of sessions.entries()) expect.unreachable(one.id);
    expect(await bodyOf(browser.fetch("/", { headers: { cookie } }))).toMatchObject({ data: {} });
  });

  test("a regenerated session has another id, and the sockets of the earlier one close", async () => {
    const { browser } = await application();
    await browser.post("/set/theme/dark");
    const [before] = browser.cookies.values();
    const client = browser.connect();
    await next(client, "session");
    const closed = next(client, "closed");
    await browser.post("/regenerate");
    expect((await closed).code).toBe(4410);
    expect([...browser.cookies.values()][0]).not.toBe(before);
    expect(await bodyOf(browser.fetch("/"))).toMatchObject({ data: { user: "ada" } });
  });
});

describe("express-session", () => {
  test.each(["map", "redis"] as const)(
    "the requests of a page work while its socket is open and the idle time starts at the disconnect, and its cookie has the whole maxAge (%s)",
    async (kind) => {
      const { sessions, store } = sessionsOn(openStore(kind, redis.port), "disconnect");
      const routes: Routes = { gap: newGap(), failures: [] };
      const options = { cookie: { maxAge: 60_000 }, rolling: true };
      const base = await onExpress(store, routes, options);
      const sockets = await serve("ws", sessions, {});
      const browser = new Browser(base, `ws://127.0.0.1:${sockets.port}`);
      await browser.post("/set/user/ada");
      await next(browser.connect(), "session");
      const { data, maxAge } = Object(await bodyOf(browser.fetch("/")));
      expect([data, routes.failures]).toEqual([{ user: "ada" }, []]);
      expect(maxAge).toBeGreaterThan(55_000);
      expect(maxAge).toBeLessThanOrEqual(60_000);
    },
  );

  async function application(options: Partial<SessionOptions> = {}) {
    const made = sessionsOn(mapStore());
    const routes: Routes = { gap: newGap(), failures: [] };
    const base = await onExpress(made.store, routes, options);
    return { ...made, ...routes, browser: new Browser(base, "") };
  }

  test("save and reload within one request, and a second save writes the difference to the first", async () => {
    const { browser, failures } = await application();
    await browser.post("/twice");
    expect(await bodyOf(browser.fetch("/"))).toMatchObject({ data: { user: "ada", views: 1 } });
    expect(failures).toEqual([]);
  });

  test("cookie.maxAge is the idle time of the session, a request is activity, and a longer maxAge lasts", async () => {
    const { browser, sessions } = await application({ cookie: { maxAge: 60_000 }, rolling: true });
    await browser.post("/set/user/ada");
    const one = await firstOf(sessions.entries());
    expect((one?.idleExpiresAt ?? 0) - Date.now()).toBeGreaterThan(55_000);
    // A deadline always reads as one time, so the reading may differ from the wall clock by up to 100 ms (core, lifetimes.ts).
    expect((one?.idleExpiresAt ?? 0) - Date.now()).toBeLessThanOrEqual(60_100);
    const { maxAge } = Object(await bodyOf(browser.fetch("/")));
    expect(maxAge).toBeGreaterThan(55_000);
    await browser.post("/remember/600000");
    const longer = await firstOf(sessions.entries());
    expect((longer?.idleExpiresAt ?? 0) - Date.now()).toBeGreaterThan(590_000);
    expect(Object(await bodyOf(browser.fetch("/"))).maxAge).toBeGreaterThan(590_000);
    const answer = await browser.fetch("/");
    expect(answer.headers.getSetCookie().join()).toContain("Expires=");
  });

  test("all, length and clear cover only sessions of the middleware", async () => {
    const { browser, sessions, store } = await application();
    const { session: other } = await sessions.create({ user: "of a socket" });
    await browser.post("/set/user/ada");
    const called = <Result>(call: (callback: (error: unknown, result?: Result) => void) => void) =>
      new Promise<Result | undefined>((resolve, fail) => {
        call((error, result) => (error === null ? resolve(result) : fail(error)));
      });
    expect(await called((callback) => store.all(callback))).toEqual([
      expect.objectContaining({ user: "ada" }),
    ]);
    expect(await called<number>((callback) => store.length(callback))).toBe(1);
    await called((callback) => store.clear(callback));
    expect(await called<number>((callback) => store.length(callback))).toBe(0);
    expect(await sessions.get(other.id)).toBeDefined();
  });

  test("load returns a session of the middleware, as stores of express-session do", async () => {
    const { browser, store } = await application();
    await browser.post("/set/user/ada");
    const sid =
      decodeURIComponent([...browser.cookies.values()][0] ?? "")
        .slice(2)
        .split(".")[0] ?? "";
    const load = (id: string) =>
      new Promise<unknown>((resolve) => {
        store.load(id, (_, loaded) => resolve(loaded));
      });
    expect(await load(sid)).toMatchObject({ user: "ada", id: sid, cookie: { path: "/" } });
    expect(await load("none")).toBeUndefined();
  });

  test("an error of the store reaches the application, and no user counts as logged out (I11)", async () => {
    const { browser, sessions, failures } = await application();
    await browser.post("/set/user/ada");
    await sessions.close();
    expect((await browser.fetch("/")).status).toBe(500);
    expect(failures).toEqual([expect.objectContaining({ code: "SHUTTING_DOWN" })]);
  });

  test("a failure without a callback is reported (I12)", async () => {
    const { sessions, store, reports } = sessionsOn(mapStore());
    await sessions.close();
    store.destroy("x");
    await expect.poll(() => reports).toEqual([expect.stringMatching(/^unhandled: SessionError/)]);
  });
});

test("fault D6: expressStore refuses an object that is not the result of createSessions", () => {
  for (const value of [undefined, ...wrongFor.object])
    expectRefused(`expressStore(${show(value)})`, () => expressStore(value as never));
  const { store } = sessionsOn(mapStore());
  for (const value of wrongFor.string)
    expectRefused(`sessionIdOf(${show(value)})`, () => store.sessionIdOf(value as never));
});

test("expressStore does not reveal the middleware's id, which is a secret: the session's id is its digest", async () => {
  const { sessions, store } = sessionsOn(mapStore());
  const sid = "an-id-of-the-middleware";
  await new Promise((resolve) => {
    store.set(sid, { cookie: {} }, resolve);
  });
  const one = await firstOf(sessions.entries());
  expect(one?.id).toBe(store.sessionIdOf(sid));
  expect(JSON.stringify([one?.id, one?.data])).not.toContain(sid);
});

test("createWithId takes an id once, and no token opens the session", async () => {
  for (const kind of ["map", "redis"] as const) {
    const { sessions } = sessionsOn(openStore(kind, redis.port));
    await createWithId(sessions, "chosen", { views: 1 });
    expect((await sessions.get("chosen"))?.data).toEqual({ views: 1 });
    await expect(createWithId(sessions, "chosen", {})).rejects.toMatchObject({ code: "CONFLICT" });
    for (const id of [...wrongFor.string, "", "a b", "x".repeat(65), "a:b"])
      await expect(createWithId(sessions, id as never, {})).rejects.toMatchObject({
        code: "INVALID_ARGUMENT",
      });
    await expect(createWithId({}, "id", {})).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
  }
});
