/** What session middlewares, and code beside them, may pass to `expressStore` and to the stores of the readers. */
import { createHmac } from "node:crypto";
import { createServer } from "node:http";
import fastifyCookie from "@fastify/cookie";
import fastifySession from "@fastify/session";
import { createSessions, isSessionError, mapStore } from "@wsession/core";
import { expressStore, fromExpressSession, fromFastifySession } from "@wsession/http";
import express from "express";
import session from "express-session";
import fastify from "fastify";
import passport from "passport";
import { describe, expect, onTestFinished, test } from "vitest";
import { expectRefused, show, wrongFor } from "../../../tests/wrong-values.ts";
import { Browser } from "./browser.ts";
import { listen } from "./listen.ts";

const secret = "a secret of at least thirty-two characters";
const codeOf = (error: unknown): unknown => (isSessionError(error) ? error.code : error);

const signature = (id: string) => createHmac("sha256", secret).update(id).digest("base64").replace(/=+$/, "");

function storeOf() {
  const reports: string[] = [];
  const sessions = createSessions<object>({
    store: mapStore(),
    onError: (error, { stage }) => reports.push(`${stage}: ${String(error)}`),
  });
  onTestFinished(() => sessions.close());
  return { sessions, store: expressStore(sessions), reports };
}

type Callback = (error: unknown, result?: unknown) => void;
const called = (call: (callback: Callback) => void) =>
  new Promise<unknown>((resolve, fail) => {
    call((error, result) => (error === null ? resolve(result) : fail(error)));
  });

const cookie = { originalMaxAge: null, path: "/" };

describe("expressStore", () => {
  test("callbacks that are not functions throw INVALID_ARGUMENT at once, and null counts as no callback", async () => {
    const { store, reports } = storeOf();
    for (const value of wrongFor.callback.filter((one) => one !== null)) {
      const callback = value as never;
      for (const [name, call] of Object.entries({
        get: () => store.get("x", callback),
        set: () => store.set("x", { cookie }, callback),
        touch: () => store.touch("x", { cookie }, callback),
        destroy: () => store.destroy("x", callback),
        all: () => store.all(callback),
        length: () => store.length(callback),
        clear: () => store.clear(callback),
        load: () => store.load("x", callback),
        regenerate: () => store.regenerate({}, callback),
      }))
        expectRefused(`${name}(${show(value)})`, call);
    }
    const count = () => called((callback) => store.length(callback));
    expect(await count()).toBe(0);
    for (const none of [null, undefined] as never[]) {
      store.set("y", { cookie }, none);
      await expect.poll(count).toBe(1);
      store.touch("y", { cookie }, none);
      store.destroy("y", none);
      await expect.poll(count).toBe(0);
    }
    expect(reports).toEqual([]);
  });

  test("for ids and sessions of a wrong type the callback gets INVALID_ARGUMENT", async () => {
    const { store } = storeOf();
    for (const sid of wrongFor.string as never[])
      for (const call of [
        (callback: Callback) => store.get(sid, callback),
        (callback: Callback) => store.set(sid, { cookie }, callback),
        (callback: Callback) => store.touch(sid, { cookie }, callback),
        (callback: Callback) => store.destroy(sid, callback),
        (callback: Callback) => store.load(sid, callback),
      ])
        expect(await called(call).catch(codeOf)).toBe("INVALID_ARGUMENT");
    for (const value of [undefined, null, "x", 5, true, Symbol("s"), () => 1] as never[])
      for (const call of [
        (callback: Callback) => store.set("x", value, callback),
        (callback: Callback) => store.touch("x", value, callback),
      ])
        expect(await called(call).catch(codeOf)).toBe("INVALID_ARGUMENT");
  });

  test("for data that JSON can't represent the callback gets NOT_SERIALISABLE, and nothing is written", async () => {
    const { store, sessions } = storeOf();
    const circular: Record<string, unknown> = { cookie };
    circular["self"] = circular;
    for (const data of [circular, { cookie, n: 1n }])
      expect(await called((callback) => store.set("x", data, callback)).catch(codeOf)).toBe(
        "NOT_SERIALISABLE",
      );
    for await (const one of sessions.entries()) expect.unreachable(one.id);
  });

  test("a field called __proto__ is refused, and does not become a prototype: in a new session, and in a loaded one", async () => {
    const { store } = storeOf();
    const withField = (fields: object) =>
      JSON.parse(`${JSON.stringify(fields).slice(0, -1)},"__proto__":{"isAdmin":true}}`);
    const set = (data: object) => called((callback) => store.set("x", data, callback));
    expect(await set(withField({ cookie })).catch(codeOf)).toBe("INVALID_DATA");
    await set({ cookie, user: "ada" });
    const loaded = Object(await called((callback) => store.get("x", callback)));
    Object.defineProperty(loaded, "__proto__", { value: { isAdmin: true }, enumerable: true });
    expect(await set(loaded).catch(codeOf)).toBe("INVALID_DATA");
    expect(Object(await called((callback) => store.get("x", callback))).isAdmin).toBeUndefined();
  });

  test("load and createSession of a store that express-session does not use fail with typed errors, and do not end the process", async () => {
    const { store } = storeOf();
    await called((callback) => store.set("x", { cookie, user: "ada" }, callback));
    expect(await called((callback) => store.load("x", callback)).catch(codeOf)).toBe("NOT_SUPPORTED");
    expect(await called((callback) => store.load("none", callback))).toBeUndefined();
    const unsupported = expect.objectContaining({ code: "NOT_SUPPORTED" });
    expect(() => store.createSession({}, { cookie })).toThrow(unsupported);
    expect(await called((callback) => store.regenerate({ sessionID: "x" }, callback)).catch(codeOf)).toBe(
      "NOT_SUPPORTED",
    );
  });

  test.each(["keepSessionInfo of passport", "Object.assign"] as const)(
    "%s: fields that were copied into a regenerated session are stored, and the login works",
    async (way) => {
      const { store, reports } = storeOf();
      const app = express();
      const authenticator = new passport.Passport();
      authenticator.serializeUser((user, done) => done(null, Reflect.get(user, "id")));
      authenticator.deserializeUser((id, done) => done(null, { id: String(id) }));
      app.use(session({ secret, resave: false, saveUninitialized: false, store }));
      app.use(authenticator.session());
      const failures: unknown[] = [];
      app.post("/cart", (request, response) => {
        Object.assign(request.session, { cart: ["book"], theme: "dark" });
        response.sendStatus(204);
      });
      app.post("/login", (request, response, next) => {
        if (way === "Object.assign") {
          const { cookie: _, ...kept } = request.session;
          return request.session.regenerate((error: unknown) => {
            Object.assign(request.session, kept, { passport: { user: "ada" } });
            return error === null || error === undefined ? response.sendStatus(204) : next(error);
          });
        }
        return request.login({ id: "ada" }, { keepSessionInfo: true, session: true }, (error: unknown) =>
          error === undefined || error === null ? response.sendStatus(204) : next(error),
        );
      });
      app.get("/", (request, response) => {
        const { cookie: _, ...data } = request.session;
        response.json(data);
      });
      app.use((error: unknown, _: express.Request, response: express.Response, __: express.NextFunction) => {
        failures.push(error);
        if (!response.headersSent) response.sendStatus(500);
      });
      const server = createServer(app);
      const browser = new Browser(await listen(server), "");
      await browser.post("/cart");
      expect((await browser.post("/login")).status).toBe(204);
      expect(await (await browser.fetch("/")).json()).toEqual({
        cart: ["book"],
        theme: "dark",
        passport: { user: "ada" },
      });
      expect([failures, reports]).toEqual([[], []]);
    },
  );

  test("@fastify/session: fields that regenerate() has copied into the new session are stored, and the login works", async () => {
    const { store, reports } = storeOf();
    const app = fastify();
    await app.register(fastifyCookie);
    await app.register(fastifySession, {
      secret,
      store,
      cookie: { secure: false },
      saveUninitialized: false,
    });
    app.post("/cart", async (request, reply) => {
      Object.assign(request.session, { cart: ["book"], theme: "dark" });
      return reply.code(204).send();
    });
    app.post("/login", async (request, reply) => {
      // Among the fields is the loaded state of the earlier session: @fastify/session keeps that state in a field that loops list.
      await request.session.regenerate(Object.keys(request.session));
      Object.assign(request.session, { user: "ada" });
      return reply.code(204).send();
    });
    app.get("/", async (request) => {
      const { cookie: _, ...data } = request.session;
      return data;
    });
    const browser = new Browser(await app.listen({ host: "127.0.0.1", port: 0 }), "");
    onTestFinished(() => app.close());
    await browser.post("/cart");
    expect((await browser.post("/login")).status).toBe(204);
    expect(await (await browser.fetch("/")).json()).toEqual({ cart: ["book"], theme: "dark", user: "ada" });
    expect(reports).toEqual([]);
  });
});

describe.each([
  ["fromExpressSession", fromExpressSession, "connect.sid", "s:"],
  ["fromFastifySession", fromFastifySession, "sessionId", ""],
] as const)("%s", (_, make, name, prefix) => {
  const signed = `${prefix}sid.${signature("sid")}`;
  const request = { headers: { cookie: `${name}=${encodeURIComponent(signed)}` } };
  const readWith = (get: (sid: string, callback: (error?: unknown, found?: unknown) => void) => unknown) =>
    make({ store: { get }, secret })(request);

  test("the reader rejects if the store throws, calls back with an error, or returns a promise that rejects", async () => {
    const away = new Error("away");
    await expect(
      readWith(() => {
        throw away;
      }),
    ).rejects.toBe(away);
    await expect(readWith((_sid, callback) => callback(away))).rejects.toBe(away);
    // Such a store never calls the callback. A rejection that is not awaited would end the process.
    await expect(readWith(async () => Promise.reject(away))).rejects.toBe(away);
    await expect(readWith((_sid, callback) => callback("text"))).rejects.toMatchObject({ cause: "text" });
  });

  test("a store with promises instead of callbacks is read, and a falsy error counts as no error", async () => {
    expect(await readWith(async () => ({ user: "ada" }))).toEqual({ sid: "sid", session: { user: "ada" } });
    expect(await readWith(async () => null)).toBeUndefined();
    for (const none of [undefined, null, false, 0, ""])
      expect(await readWith((_sid, callback) => callback(none, { user: "ada" }))).toMatchObject({
        sid: "sid",
      });
    // Calls back after its promise has resolved with nothing.
    expect(
      await readWith(async (_sid, callback) => void setImmediate(callback, null, { user: "ada" })),
    ).toMatchObject({ session: { user: "ada" } });
  });

  test("sessions that are not objects, and cookies of other libraries, open no session", async () => {
    for (const found of [undefined, null, "x", 5, true, () => 1])
      expect(await readWith((_sid, callback) => callback(null, found))).toBeUndefined();
    const read = make({ store: { get: () => expect.unreachable("asks the store") }, secret });
    for (const value of [
      "",
      "%",
      "%E0%A4%A",
      "s%3A",
      "s%3A.",
      "j%3A%7B%22a%22%3A1%7D",
      `s%3Asid.${signature("other")}`,
      `sid.${signature("sid")}x`,
      `s:s:sid.${signature("sid")}`,
      "eyJhbGciOiJIUzI1NiJ9.e30.x",
      "x".repeat(20_000),
      "\u0000",
      "ü",
    ])
      expect([value, await read({ headers: { cookie: `a=b; ${name}=${value}` } })]).toEqual([
        value,
        undefined,
      ]);
    // The first cookie of a name counts, as with the middleware.
    expect(await read({ headers: { cookie: `${name}=x; ${request.headers.cookie}` } })).toBeUndefined();
  });

  test("an argument that is not a request throws INVALID_ARGUMENT", async () => {
    const read = make({ store: { get: () => undefined }, secret });
    for (const value of [undefined, ...wrongFor.object] as never[])
      expect(await read(value).catch(codeOf)).toBe("INVALID_ARGUMENT");
  });
});
