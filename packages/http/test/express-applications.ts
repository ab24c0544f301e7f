// The routes of the tests on express-session and on @fastify/session.
import { createServer } from "node:http";
import fastifyCookie from "@fastify/cookie";
import fastifySession from "@fastify/session";
import { accept, createSessions, reject } from "@wsession/core";
import type { SessionStore } from "@wsession/core";
import { expressStore, fromExpressSession } from "@wsession/http";
import type { ExpressStore } from "@wsession/http";
import express from "express";
import session from "express-session";
import type { SessionOptions } from "express-session";
import fastify from "fastify";
import { onTestFinished } from "vitest";
import type { Gap } from "../../../tests/held.ts";
import { listen } from "./listen.ts";

export const secret = "a secret of at least thirty-two characters";

/** What the routes keep; the middleware adds `cookie`. */
export interface Kept {
  readonly user?: string;
  readonly views?: number;
  readonly theme?: string;
}

export type AnySession = Record<string, unknown> & { cookie: { maxAge?: number | null } };

export async function firstOf<Item>(items: AsyncIterable<Item>): Promise<Item | undefined> {
  for await (const item of items) return item;
  return undefined;
}

export function sessionsOn(own: SessionStore, idleFrom: "message" | "disconnect" = "message") {
  const reports: string[] = [];
  const sessions = createSessions<Kept>({
    store: own,
    idleFrom,
    onError: (error, { stage }) => reports.push(`${stage}: ${String(error)}`),
    async admit(handshake) {
      const found = await read(handshake);
      return found === undefined ? reject(401) : accept({ sessionId: store.sessionIdOf(found.sid) });
    },
    onBadToken: "refuse",
  });
  const store = expressStore(sessions);
  const read = fromExpressSession({ store, secret });
  onTestFinished(() => sessions.close());
  return { sessions, store, reports };
}

export interface Routes {
  /** Holds `/slow` after it has loaded its session. */
  readonly gap: Gap;
  readonly failures: unknown[];
}

export async function onExpress(
  store: ExpressStore,
  { gap, failures }: Routes,
  options: Partial<SessionOptions> = {},
) {
  const app = express();
  const own = { secret, resave: false, saveUninitialized: false, ...options };
  app.use(session({ store, ...own }));
  const of = (request: express.Request): AnySession => Object(request.session);
  app.post("/set/:name/:value", async (request, response) => {
    if (request.query["slow"] !== undefined) await gap.wait();
    of(request)[request.params.name] = request.params.value;
    response.sendStatus(204);
  });
  app.post("/remember/:ms", (request, response) => {
    of(request).cookie.maxAge = Number(request.params.ms);
    response.sendStatus(204);
  });
  app.post("/remove/:name", (request, response) => {
    Reflect.deleteProperty(request.session, request.params.name);
    response.sendStatus(204);
  });
  app.post("/clear", (request, response) => {
    for (const name of Object.keys(request.session))
      if (name !== "cookie") Reflect.deleteProperty(request.session, name);
    response.sendStatus(204);
  });
  app.post("/regenerate", (request, response, fail) => {
    request.session.regenerate((error: unknown) => {
      if (error !== null && error !== undefined) return fail(error);
      of(request)["user"] = "ada";
      return response.sendStatus(204);
    });
  });
  app.post("/twice", (request, response, fail) => {
    of(request)["user"] = "ada";
    request.session.save(() => {
      of(request)["views"] = 2;
      request.session.reload((error: unknown) => {
        if (error !== undefined) return fail(error);
        of(request)["views"] = Number(of(request)["views"] ?? 0) + 1;
        return response.sendStatus(204);
      });
    });
  });
  app.post("/logout", (request, response) => {
    request.session.destroy(() => response.sendStatus(204));
  });
  app.get("/", (request, response) => {
    const { cookie, ...data } = request.session;
    response.json({ data, maxAge: cookie.maxAge ?? null });
  });
  app.use((error: unknown, _: express.Request, response: express.Response, __: express.NextFunction) => {
    failures.push(error);
    if (!response.headersSent) response.sendStatus(500);
  });
  const server = createServer(app);
  return listen(server);
}

export async function onFastify(store: ExpressStore, { gap, failures }: Routes) {
  const app = fastify();
  await app.register(fastifyCookie);
  // The cookie has the form of express-session's cookie, so that one reader reads both.
  const names = { cookieName: "connect.sid", cookiePrefix: "s:" };
  await app.register(fastifySession, {
    secret,
    store,
    cookie: { secure: false },
    saveUninitialized: false,
    ...names,
  });
  const of = (request: { readonly session: object }): AnySession => Object(request.session);
  app.post<{ Params: { name: string; value: string }; Querystring: { slow?: string } }>(
    "/set/:name/:value",
    async (request, reply) => {
      if (request.query.slow !== undefined) await gap.wait();
      of(request)[request.params.name] = request.params.value;
      return reply.code(204).send();
    },
  );
  app.post<{ Params: { name: string } }>("/remove/:name", async (request, reply) => {
    Reflect.deleteProperty(request.session, request.params.name);
    return reply.code(204).send();
  });
  app.post("/clear", async (request, reply) => {
    for (const name of Object.keys(request.session))
      if (name !== "cookie") Reflect.deleteProperty(request.session, name);
    return reply.code(204).send();
  });
  app.post("/regenerate", async (request, reply) => {
    await request.session.regenerate();
    of(request)["user"] = "ada";
    return reply.code(204).send();
  });
  app.post("/logout", async (request, reply) => {
    await request.session.destroy();
    return reply.code(204).send();
  });
  app.get("/", async (request) => {
    const { cookie: _, ...data } = of(request);
    return { data };
  });
  app.setErrorHandler((error, _, reply) => {
    failures.push(error);
    return reply.code(500).send();
  });
  const base = await app.listen({ host: "127.0.0.1", port: 0 });
  onTestFinished(() => app.close());
  return base;
}
