import { createHmac } from "node:crypto";
import { createServer } from "node:http";
import fastifyCookie from "@fastify/cookie";
import fastifySession from "@fastify/session";
import { accept, createSessions, mapStore, reject } from "@wsession/core";
import { fromExpressSession, fromFastifySession } from "@wsession/http";
import { RedisStore } from "connect-redis";
import express from "express";
import session from "express-session";
import type { SessionOptions, Store } from "express-session";
import fastify from "fastify";
import passport from "passport";
import { createClient } from "redis";
import { describe, expect, onTestFinished, test } from "vitest";
import { connect, runtimeNames, serve } from "../../../tests/runtimes.ts";
import { newPrefix } from "../../../tests/stores.ts";
import { expectRefused, show, wrongFor } from "../../../tests/wrong-values.ts";
import { useRedisServer } from "../../store-redis/test/shared-servers.ts";
import { Browser } from "./browser.ts";
import { listen } from "./listen.ts";

const redis = useRedisServer();
const secret = "a secret of at least thirty-two characters";

async function expressWith(options: Partial<SessionOptions> & { readonly store: Store }) {
  const app = express();
  app.use(session({ secret, resave: false, saveUninitialized: false, ...options }));
  app.post("/login", (request, response) => {
    Object(request.session).user = "ada";
    response.sendStatus(204);
  });
  const server = createServer(app);
  return new Browser(await listen(server), "");
}

async function redisStoreOfConnect(): Promise<Store> {
  const client = createClient({ url: `redis://127.0.0.1:${redis.port}` });
  await client.connect();
  onTestFinished(() => client.destroy());
  return new RedisStore({ client, prefix: newPrefix() });
}

const stores = {
  MemoryStore: async () => new session.MemoryStore(),
  "connect-redis": redisStoreOfConnect,
} as const;

describe.each(Object.entries(stores))("fromExpressSession with %s", (_, open) => {
  test.each(runtimeNames)(
    "on %s a socket has the user of express-session, and none without a session",
    async (runtime) => {
      const store = await open();
      const browser = await expressWith({ store });
      await browser.post("/login");
      const readSession = fromExpressSession<{ user?: string }>({ store, secret });
      const sessions = createSessions({
        store: mapStore(),
        async admit(handshake) {
          const user = (await readSession(handshake))?.session.user;
          return user === undefined ? reject(401) : accept({ subject: user, context: { user } });
        },
        initial: (_handshake, context) => ({ name: context.user }),
      });
      const server = await serve(runtime, sessions);
      await connect(server, "/", { headers: { cookie: browser.cookie } });
      const [connection = expect.unreachable()] = sessions.connections;
      expect([connection.session.subject, connection.session.data]).toEqual(["ada", { name: "ada" }]);
      for (const cookie of [
        "",
        "connect.sid=x",
        // The signature is another one, of the same length.
        browser.cookie.replace(
          /\.([^.])([^.]*)$/,
          (_all, first, rest) => `.${first === "a" ? "b" : "a"}${rest}`,
        ),
        browser.cookie.replace("%3A", "%3Ax"),
      ])
        await expect(connect(server, "/", { headers: { cookie } })).rejects.toThrow("401");
    },
  );
});

test("fromExpressSession reads cookies of each of several secrets and of another name, and no destroyed session and no malformed cookie", async () => {
  const store = new session.MemoryStore();
  const browser = await expressWith({ store, secret: "an older secret", name: "sid" });
  await browser.post("/login");
  const read = fromExpressSession({ store, secret: ["a newer secret", "an older secret"], name: "sid" });
  const found = await read({ headers: { cookie: `a=b; ${browser.cookie}; sid=other` } });
  expect(found?.session).toMatchObject({ user: "ada", cookie: { path: "/" } });
  expect(await read(new Request("http://x/", { headers: { cookie: browser.cookie } }))).toEqual(found);
  const newer = fromExpressSession({ store, secret: "a newer secret", name: "sid" });
  for (const cookie of [browser.cookie]) expect(await newer({ headers: { cookie } })).toBeUndefined();
  for (const cookie of [
    "sid=%",
    "sid=s%3A.",
    "sid=s%3Ax",
    'sid="s:x.y"',
    "sid=",
    "=",
    ";;",
    "x".repeat(20_000),
  ])
    expect(await read({ headers: { cookie } })).toBeUndefined();
  expect(await read({ headers: {} })).toBeUndefined();
  await new Promise((resolve) => store.destroy(found?.sid ?? "", resolve));
  expect(await read({ headers: { cookie: browser.cookie } })).toBeUndefined();
});

test("fromExpressSession rejects with the error of an unavailable store: no user counts as logged out", async () => {
  const away = new Error("away");
  const store = new session.MemoryStore();
  const browser = await expressWith({ store });
  await browser.post("/login");
  const failing = { get: (_: string, callback: (error: unknown) => void) => callback(away) };
  const read = fromExpressSession({ store: failing, secret });
  await expect(read({ headers: { cookie: browser.cookie } })).rejects.toBe(away);
  const throwing = {
    get: () => {
      throw away;
    },
  };
  await expect(
    fromExpressSession({ store: throwing, secret })({ headers: { cookie: browser.cookie } }),
  ).rejects.toBe(away);
  const absent = {
    get: (_: string, callback: (error: unknown) => void) =>
      callback(Object.assign(new Error("no file"), { code: "ENOENT" })),
  };
  expect(
    await fromExpressSession({ store: absent, secret })({ headers: { cookie: browser.cookie } }),
  ).toBeUndefined();
});

test.each([{}, { cookiePrefix: "s:", cookieName: "sid" }])(
  "fromFastifySession reads @fastify/session with %o",
  async (options) => {
    const app = fastify();
    const store = new session.MemoryStore();
    await app.register(fastifyCookie);
    await app.register(fastifySession, {
      secret,
      store: store as never,
      cookie: { secure: false },
      ...options,
    });
    app.post("/login", async (request, reply) => {
      request.session.set("user" as never, "ada" as never);
      return reply.code(204).send();
    });
    const base = await app.listen({ host: "127.0.0.1", port: 0 });
    onTestFinished(() => app.close());
    const browser = new Browser(base, "");
    await browser.post("/login");
    const read = fromFastifySession<{ user: string }>({
      store,
      secret,
      ...("cookieName" in options ? { name: options.cookieName, prefix: options.cookiePrefix } : {}),
    });
    expect((await read({ headers: { cookie: browser.cookie } }))?.session.user).toBe("ada");
    expect(await read({ headers: { cookie: browser.cookie.slice(0, -1) } })).toBeUndefined();
  },
);

test("fromFastifySession finds no session that @fastify/session takes for expired, also if the store keeps it", async () => {
  const app = fastify();
  const store = new fastifySession.MemoryStore();
  await app.register(fastifyCookie);
  await app.register(fastifySession, { secret, store, cookie: { secure: false, maxAge: 3_600_000 } });
  app.post("/login", async (request, reply) => {
    request.session.set("user" as never, "ada" as never);
    return reply.code(204).send();
  });
  app.get("/me", async (request) => ({ user: request.session.get("user" as never) ?? null }));
  const base = await app.listen({ host: "127.0.0.1", port: 0 });
  onTestFinished(() => app.close());
  const browser = new Browser(base, "");
  await browser.post("/login");
  const read = fromFastifySession<{ user: string; cookie: { expires: Date } }>({ store, secret });
  const request = { headers: { cookie: browser.cookie } };
  const { session: stored } = (await read(request)) ?? expect.unreachable();
  expect(stored.user).toBe("ada");
  stored.cookie.expires = new Date(Date.now() - 1_000);
  expect(await read(request)).toBeUndefined();
  const response = await fetch(`${base}/me`, { headers: { cookie: browser.cookie } });
  expect(await response.json()).toEqual({ user: null });
});

test("fromFastifySession takes a session for expired by the time in its cookie, as @fastify/session does", async () => {
  const inMs = (ms: number) => new Date(Date.now() + ms).toISOString();
  const isFound = async (expires: unknown): Promise<boolean> => {
    const read = fromFastifySession({ store: { get: async () => ({ cookie: { expires } }) }, secret });
    const signature = createHmac("sha256", secret).update("id").digest("base64").replace(/=+$/, "");
    const cookie = `sessionId=${encodeURIComponent(`id.${signature}`)}`;
    return (await read({ headers: { cookie } })) !== undefined;
  };
  expect(await isFound(inMs(-1_000))).toBe(false);
  for (const expires of [inMs(3_600_000), null, undefined, false, "no time"])
    expect(await isFound(expires)).toBe(true);
});

test.each(runtimeNames)(
  "passport on %s: its user is the subject of the socket, and after the logout the socket has no subject",
  async (runtime) => {
    const store = new session.MemoryStore();
    const app = express();
    const authenticator = new passport.Passport();
    authenticator.serializeUser((user, done) => done(null, Reflect.get(user, "id")));
    authenticator.deserializeUser((id, done) => done(null, { id }));
    app.use(session({ secret, resave: false, saveUninitialized: false, store }));
    app.use(authenticator.session());
    app.post("/login", (request, response, next) => {
      request.login({ id: "ada" }, (error: unknown) =>
        error === undefined ? response.sendStatus(204) : next(error),
      );
    });
    app.post("/logout", (request, response, next) => {
      request.logout((error: unknown) => (error === undefined ? response.sendStatus(204) : next(error)));
    });
    const http = createServer(app);
    const browser = new Browser(await listen(http), "");
    await browser.post("/login");

    const readSession = fromExpressSession<{ passport?: { user?: string } }>({ store, secret });
    const sessions = createSessions({
      store: mapStore(),
      async admit(handshake) {
        const user = (await readSession(handshake))?.session.passport?.user;
        return user === undefined ? reject(401) : accept({ subject: user });
      },
      initial: () => ({ visits: 0 }),
    });
    const server = await serve(runtime, sessions);
    const { cookie } = browser;
    await connect(server, "/", { headers: { cookie } });
    expect([...sessions.connections].map((connection) => connection.session.subject)).toEqual(["ada"]);
    expect((await browser.post("/logout")).status).toBe(204);
    for (const late of [cookie, browser.cookie, ""])
      await expect(connect(server, "/", { headers: { cookie: late } })).rejects.toThrow("401");
  },
);

test.each([
  ["fromExpressSession", fromExpressSession],
  ["fromFastifySession", fromFastifySession],
])("fault D6: %s refuses wrong options", (what, make) => {
  const store = new session.MemoryStore();
  const wrong: readonly unknown[] = [
    ...wrongFor.options,
    // A Map has a method `get`.
    ...wrongFor.object.filter((value) => !(value instanceof Map)).map((value) => ({ secret, store: value })),
    ...wrongFor.text.filter((value) => !Array.isArray(value)).map((value) => ({ store, secret: value })),
    { store, secret: [] },
    { store, secret: ["", "x"] },
    ...wrongFor.text.map((name) => ({ store, secret, name })),
    ...wrongFor.string.map((prefix) => ({ store, secret, prefix })),
  ];
  for (const options of wrong) expectRefused(`${what}(${show(options)})`, () => make(options as never));
});
