/** What programs without types, other libraries and lost clients may pass: a typed error or a documented value, never a hang. */
import { IncomingMessage, ServerResponse } from "node:http";
import { Socket } from "node:net";
import { PassThrough } from "node:stream";
import { cookieToken, createSessions, isSessionError, mapStore } from "@wsession/core";
import type { SessionStore } from "@wsession/core";
import { httpSessions, isHttpSessionError } from "@wsession/http";
import type { HttpSessions } from "@wsession/http";
import express from "express";
import fastify from "fastify";
import { Hono } from "hono";
import { describe, expect, onTestFinished, test } from "vitest";
import { newGap } from "../../../tests/gaps.ts";
import { withGap } from "../../../tests/held.ts";
import { expectRefused, show, wrongFor } from "../../../tests/wrong-values.ts";

interface Data {
  readonly n: number;
}

const origin = "https://app.example.com";
const cookie = cookieToken({ name: "app", secure: false });
const ada = { subject: "ada" };

function application(store: SessionStore = mapStore()) {
  const reports: string[] = [];
  const sessions = createSessions<Data>({
    store,
    token: cookie,
    origins: [origin],
    onError: (error, { stage }) => reports.push(`${stage}: ${String(error)}`),
  });
  onTestFinished(() => sessions.close());
  return { sessions, http: httpSessions(sessions, { cookie }), reports };
}

const codeOf = (error: unknown): unknown =>
  isSessionError(error) || isHttpSessionError(error) ? error.code : error;

const cookieIn = (lines: unknown): string =>
  /app=[^;]*/.exec([lines].flat().map(String).join("\n"))?.[0] ?? "";

const numberOf = (http: HttpSessions<Data>, request: object): number | undefined => http.of(request)?.data.n;

describe("every object of one request has the same session, also after a login, a logout and a renewal:", () => {
  test("Fastify's request and Node's", async () => {
    const { http } = application();
    const app = fastify();
    onTestFinished(() => app.close());
    app.addHook("onRequest", http.fastify());
    const observed: (number | undefined)[][] = [];
    app.post("/", async (request, reply) => {
      const look = () => observed.push([numberOf(http, request), numberOf(http, request.raw)]);
      look();
      await http.login(request, reply, { n: 1 }, ada);
      look();
      await http.login(request.raw, reply, { n: 2 }, ada);
      look();
      await http.renew(request, reply);
      look();
      await http.logout(request, reply);
      look();
      return "";
    });
    const { headers } = await app.inject({ method: "POST", url: "/", headers: { origin } });
    // The request has no cookie, so the renewal and the logout find no session.
    expect(observed).toEqual([
      [undefined, undefined],
      [1, 1],
      [2, 2],
      [undefined, undefined],
      [undefined, undefined],
    ]);
    expect(cookieIn(headers["set-cookie"])).toMatch(/^app=/);
  });

  test("Hono's context and its request, also if a middleware puts another request in its place", async () => {
    const { http, sessions } = application();
    const { token } = await sessions.create({ n: 0 });
    const app = new Hono();
    app.use(http.hono());
    const observed: (number | undefined)[] = [];
    app.post("/", async (c) => {
      observed.push(numberOf(http, c));
      c.req.raw = new Request(c.req.raw);
      observed.push(numberOf(http, c));
      await http.login(c.req.raw, c.res.headers, { n: 1 }, ada);
      observed.push(numberOf(http, c), numberOf(http, c.req.raw));
      await http.logout(c.req.raw, c.res.headers);
      observed.push(numberOf(http, c), numberOf(http, c.req.raw));
      return c.text("");
    });
    await app.request("/", { method: "POST", headers: { origin, cookie: `app=${token}` } });
    expect(observed).toEqual([0, 0, 1, 1, undefined, undefined]);
  });
});

describe("requests without a socket, and clients that are gone", () => {
  test("Fastify's inject: login, the session of the next request, and logout", async () => {
    const { http } = application();
    const app = fastify();
    onTestFinished(() => app.close());
    app.addHook("onRequest", http.fastify());
    app.post("/login", async (request, reply) => {
      await http.login(request, reply, { n: 7 }, ada);
      return "";
    });
    app.get("/", async (request) => ({ n: numberOf(http, request) ?? null }));
    app.post("/logout", async (request, reply) => String(await http.logout(request, reply)));
    const headers = { origin };
    const login = await app.inject({ method: "POST", url: "/login", headers });
    const own = { ...headers, cookie: cookieIn(login.headers["set-cookie"]) };
    expect((await app.inject({ url: "/", headers: own })).json()).toEqual({ n: 7 });
    expect((await app.inject({ method: "POST", url: "/logout", headers: own })).body).toBe("true");
    expect((await app.inject({ url: "/", headers: own })).json()).toEqual({ n: null });
  });

  test("a request of Node whose socket is destroyed: the logout still ends the session, and nothing hangs", async () => {
    const { http, sessions } = application();
    const { session, token } = await sessions.create({ n: 1 });
    const socket = new Socket();
    const request = new IncomingMessage(socket);
    Object.assign(request.headers, { origin, cookie: `app=${token}` });
    const response = new ServerResponse(request);
    socket.destroy();
    expect((await http.open(request))?.id).toBe(session.id);
    expect((await http.renew(request, response))?.id).toBe(session.id);
    expect(await http.logout(request, response)).toBe(true);
    expect(await sessions.get(session.id)).toBeUndefined();
    expect((await http.login(request, response, { n: 2 }, ada)).data).toEqual({ n: 2 });
  });
});

describe("responses to which no cookie can be added", () => {
  test("a reply of Fastify whose headers a stream has sent, or whose raw response was used: HEADERS_SENT", async () => {
    const { http, sessions } = application();
    const app = fastify();
    onTestFinished(() => app.close());
    const codes: unknown[] = [];
    const late = async (call: () => Promise<unknown>) => void codes.push(await call().catch(codeOf));
    app.post("/stream", (request, reply) => {
      const stream = new PassThrough();
      reply.raw.once("pipe", () => {
        stream.write("x");
        setImmediate(() => {
          void late(() => http.login(request, reply, { n: 1 }, ada)).finally(() => stream.end());
        });
      });
      void reply.send(stream);
    });
    app.post("/raw", async (request, reply) => {
      reply.raw.writeHead(200);
      await late(() => http.login(request, reply, { n: 1 }, ada));
      await late(() => http.logout(request, reply));
      reply.raw.end();
      return reply.hijack();
    });
    for (const url of ["/stream", "/raw"]) await app.inject({ method: "POST", url, headers: { origin } });
    expect(codes).toEqual(["HEADERS_SENT", "HEADERS_SENT", "HEADERS_SENT"]);
    expect(sessions.diagnostics.sessionsCreated).toBe(0);
  });

  test("headers that are sent during a renewal: HEADERS_SENT, and the older cookie still opens the session", async () => {
    const gap = newGap();
    const { http, sessions } = application(withGap(mapStore(), "rotate", "after", gap));
    const { session, token } = await sessions.create({ n: 1 });
    const request = new IncomingMessage(new Socket());
    Object.assign(request.headers, { origin, cookie: `app=${token}` });
    const response = new ServerResponse(request);
    const renewal = http.renew(request, response).catch(codeOf);
    await gap.reached;
    response.writeHead(200);
    gap.letGo();
    expect(await renewal).toBe("HEADERS_SENT");
    expect((await http.open(request))?.id).toBe(session.id);
  });

  test("an object that only has a method `append`, such as FormData, is not a response: INVALID_ARGUMENT, and nothing is changed", () => {
    const { http, sessions } = application();
    const request = new Request("https://app.example.com/", { method: "POST", headers: { origin } });
    for (const value of [new FormData(), new URLSearchParams(), new Response(), { headers: new Headers() }])
      expectRefused("login", () => http.login(request, value as never, { n: 1 }, ada));
    expect(sessions.diagnostics.sessionsCreated).toBe(0);
  });
});

describe("malformed headers of a request", () => {
  test.each(["cookie", "origin", "host", "sec-fetch-site"])(
    "%s: INVALID_ARGUMENT for values that are not strings",
    async (name) => {
      const { http } = application();
      for (const value of wrongFor.string.filter((one) => !Array.isArray(one)))
        for (const wrong of [value, [value]]) {
          const headers: Record<string, unknown> = { [name]: wrong };
          if (name === "host") headers["origin"] = "https://app.example.com";
          const own = httpSessions(createSessions<Data>({ store: mapStore() }), { cookie });
          const used = name === "host" ? own : http;
          const call = used.logout({ headers } as never, new Headers());
          expect([show(value), await call.catch(codeOf)]).toEqual([show(value), "INVALID_ARGUMENT"]);
        }
    },
  );

  test("a list of pairs in place of headers: INVALID_ARGUMENT at once", () => {
    const { http } = application();
    for (const headers of [[["cookie", "app=x"]], ["cookie", "app=x"]])
      expect(() => http.open({ headers } as never)).toThrow(
        expect.objectContaining({ code: "INVALID_ARGUMENT" }),
      );
  });
});

describe("middleware", () => {
  test("express(): an error that `next` throws is reported, and does not end the process (I12)", async () => {
    const { http, reports } = application();
    http.express()({ headers: {} }, new ServerResponse(new IncomingMessage(new Socket())), () => {
      throw new Error("of next");
    });
    await expect.poll(() => reports).toEqual(["unhandled: Error: of next"]);
  });

  test("express({ property }): a property that can't be set causes a typed error, and not a request without a session", async () => {
    const { http } = application();
    const app = express();
    app.set("env", "test");
    const failures: unknown[] = [];
    // `ip` of Express has no setter.
    app.use(http.express({ property: "ip" }));
    app.use((error: unknown, _: express.Request, response: express.Response, __: express.NextFunction) => {
      failures.push(codeOf(error));
      response.sendStatus(500);
    });
    const server = app.listen(0, "127.0.0.1");
    await new Promise<void>((resolve) => server.once("listening", resolve));
    onTestFinished(() => void server.close());
    const address = server.address();
    await fetch(`http://127.0.0.1:${typeof address === "object" ? address?.port : 0}/`);
    expect(failures).toEqual(["INVALID_ARGUMENT"]);
  });

  test("express or hono that is passed as a middleware, without a call, throws INVALID_ARGUMENT for each request", () => {
    const { http } = application();
    const { express: unbound, fastify: hook, hono } = http;
    const request = new IncomingMessage(new Socket());
    for (const call of [unbound, hook, hono] as ((...args: unknown[]) => unknown)[])
      expect(() => call(request, new ServerResponse(request), () => undefined)).toThrow(
        expect.objectContaining({ code: "INVALID_ARGUMENT" }),
      );
  });
});
