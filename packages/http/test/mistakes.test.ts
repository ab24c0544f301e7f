/** Typical mistakes of an application: no mistake has the same result as "no user is logged in", and each error says what to do. */
import { cookieToken, createSessions, mapStore, queryToken } from "@wsession/core";
import type { OriginRule } from "@wsession/core";
import { httpSessions } from "@wsession/http";
import express from "express";
import { fastify } from "fastify";
import { Hono } from "hono";
import { describe, expect, onTestFinished, test } from "vitest";

const cookie = cookieToken({ name: "app", secure: false });

function application(origins?: OriginRule) {
  const sessions = createSessions<{ n: number }>({ store: mapStore(), token: cookie, origins });
  onTestFinished(() => sessions.close());
  return { sessions, http: httpSessions(sessions, { cookie }) };
}

const invalid = (message: string) => expect.objectContaining({ code: "INVALID_ARGUMENT", message });

describe("a cookie that the sockets do not read", () => {
  const store = mapStore;

  test.each([
    ["of another name", cookieToken({ name: "other", secure: false })],
    ["of another path", cookieToken({ name: "app", secure: false, path: "/live" })],
    ["with the default name", cookieToken()],
  ])("%s is refused", (_, other) => {
    const sessions = createSessions<{ n: number }>({ store: store(), token: cookie });
    expect(() => httpSessions(sessions, { cookie: other })).toThrow(
      invalid(
        "httpSessions: cookie must be the carrier that createSessions has as its option token: it writes another cookie",
      ),
    );
  });

  test("a second carrier of the same cookie, and one beside a carrier without a cookie, are taken", () => {
    const same = cookieToken({ name: "app", secure: false });
    for (const token of [cookie, { ...cookie, read: () => undefined }, queryToken(), undefined])
      expect(httpSessions(createSessions({ store: store(), token }), { cookie: same })).toBeDefined();
  });
});

describe("a carrier whose method is asynchronous", () => {
  const fails = async (): Promise<never> => {
    throw new Error("a method of a carrier failed");
  };
  const headers = { origin: "https://app.example.com", cookie: "app=x" };
  const request = new Request("https://app.example.com", { method: "POST", headers });

  test.each<readonly [string, object]>([
    ["read", { read: fails }],
    ["readAll", { readAll: fails }],
    ["readAll", { readAll: () => [fails(), fails()] }],
    ["write", { write: fails }],
  ])(
    "%s is refused with INVALID_ARGUMENT, and its rejection does not end the process",
    async (name, method) => {
      const carrier = { ...cookie, ...method };
      const sessions = createSessions<{ n: number }>({ store: mapStore(), token: queryToken() });
      onTestFinished(() => sessions.close());
      const http = httpSessions(sessions, { cookie: carrier });
      const wrong = expect.objectContaining({
        code: "INVALID_ARGUMENT",
        message: expect.stringMatching(`^token.${name} `),
      });
      await expect(http.login(request, new Headers(), { n: 1 }, { subject: "ada" })).rejects.toThrow(wrong);
      expect(await sessions.bySubject("ada")).toEqual([]);
      await expect(http.logout(request, new Headers())).rejects.toThrow(wrong);
      // Node reports an unhandled rejection before the next turn of the event loop, and Vitest fails then.
      await new Promise((resolve) => setImmediate(resolve));
    },
  );

  test("write is refused when the carrier is compared with the carrier of the sockets", async () => {
    const sessions = createSessions({ store: mapStore(), token: cookie });
    expect(() => httpSessions(sessions, { cookie: { ...cookie, write: fails as never } })).toThrow(
      invalid("token.write must return [name, value], and not a promise"),
    );
    await new Promise((resolve) => setImmediate(resolve));
  });

  test("a list of readAll without the token of read is ignored, as in a handshake", async () => {
    const { sessions } = application();
    const { token } = await sessions.create({ n: 1 });
    const http = httpSessions(sessions, { cookie: { ...cookie, read: () => "x", readAll: () => [token] } });
    expect(await http.open(request)).toBeUndefined();
  });
});

describe("of() of a request that was not opened", () => {
  const text =
    "of(): the session of this request was not looked up: register the middleware before the route, or await open(request)";

  test("throws, because `undefined` would mean that no user is logged in", () => {
    const { http } = application();
    expect(() => http.of(new Request("http://localhost/"))).toThrow(invalid(text));
    expect(() => http.of({ headers: {} })).toThrow(invalid(text));
  });

  test("is undefined once the request was opened, also if the store failed", async () => {
    const { http, sessions } = application();
    const opened = new Request("http://localhost/");
    await http.open(opened);
    expect(http.of(opened)).toBeUndefined();
    const { token } = await sessions.create({ n: 1 });
    await sessions.close();
    const failed = new Request("http://localhost/", { headers: { cookie: `app=${token}` } });
    await expect(http.open(failed)).rejects.toMatchObject({ code: "SHUTTING_DOWN" });
    expect(http.of(failed)).toBeUndefined();
  });
});

describe("the function in place of the middleware that it returns:", () => {
  const text = (name: string) =>
    invalid(`${name}() returns the middleware: register what http.${name}() returns, not http.${name}`);

  test("Express", async () => {
    const { http } = application();
    const errors: unknown[] = [];
    const app = express();
    app.use(http.express as never);
    app.use(((error, _, response, __) => {
      errors.push(error);
      response.sendStatus(500);
    }) satisfies express.ErrorRequestHandler);
    const server = app.listen(0, "127.0.0.1");
    onTestFinished(() => void server.close());
    await new Promise((resolve) => server.once("listening", resolve));
    const { port } = server.address() as { port: number };
    await (await fetch(`http://127.0.0.1:${port}/`)).text();
    expect(errors).toEqual([text("express")]);
  });

  test("Fastify", async () => {
    const { http } = application();
    const errors: unknown[] = [];
    const app = fastify();
    onTestFinished(() => app.close());
    app.setErrorHandler((error) => errors.push(error));
    app.addHook("onRequest", http.fastify as never);
    app.get("/", () => "");
    await app.inject("/");
    expect(errors).toEqual([text("fastify")]);
  });

  test("Hono", async () => {
    const { http } = application();
    const errors: unknown[] = [];
    const app = new Hono();
    app.onError((error, c) => {
      errors.push(error);
      return c.text("");
    });
    app.use(http.hono as never);
    app.get("/", (c) => c.text(""));
    await app.request("/");
    expect(errors).toEqual([text("hono")]);
  });
});

describe("a request that may not log in: the error says which origin, and what to do:", () => {
  const page = "https://app.example.com";

  test.each<[string, OriginRule | undefined, Record<string, string>, string]>([
    [
      "no Origin, as from a program",
      [page],
      {},
      "the request has no Origin, and no Sec-Fetch-Site of the same origin: send Origin, as browsers do",
    ],
    [
      "an origin that is not listed",
      [page],
      { origin: "http://127.0.0.1:8080" },
      'the origin "http://127.0.0.1:8080" of the request is not allowed: it is not in the list origins',
    ],
    [
      "an origin that the function refuses",
      () => false,
      { origin: page },
      `the origin "${page}" of the request is not allowed: the function origins did not return true`,
    ],
    [
      "an origin of another host",
      undefined,
      { origin: page, host: "localhost:8080" },
      `the origin "${page}" of the request is not allowed: it is not the host "localhost:8080" of the request. Behind a proxy, or for pages of other hosts, give the option origins`,
    ],
    [
      "an origin that is too long for a line of a log",
      [page],
      { origin: `https://${"a".repeat(500)}` },
      `the origin "https://${"a".repeat(92)}" of the request is not allowed: it is not in the list origins`,
    ],
  ])("%s", async (_, origins, headers, message) => {
    const { http } = application(origins);
    const login = http.login({ headers }, new Headers(), { n: 1 }, { subject: "ada" });
    await expect(login).rejects.toMatchObject({ code: "ORIGIN_NOT_ALLOWED", status: 403, message });
  });
});

test("a login that is not awaited: the error says that the response was sent too early", async () => {
  const { http } = application([]);
  const response = { headersSent: true, getHeader: () => undefined, setHeader: () => undefined };
  const request = { headers: { "sec-fetch-site": "same-origin" } };
  await expect(http.login(request, response as never, { n: 1 }, { subject: "ada" })).rejects.toMatchObject({
    code: "HEADERS_SENT",
    message:
      "the headers of the response can't be changed any more, so no cookie can be set: await login, logout or renew before the response is sent",
  });
});
