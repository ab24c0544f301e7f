/** One application with logins on each framework: HTTP routes, and a WebSocket of the same session. */
import { createServer } from "node:http";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { serve as serveHono } from "@hono/node-server";
import { cookieToken, createSessions, mapStore } from "@wsession/core";
import type { Session, Sessions, SessionsOptions, SessionStore } from "@wsession/core";
import { httpSessions } from "@wsession/http";
import type { HttpSessions, HttpSessionsOptions } from "@wsession/http";
import express from "express";
import fastify from "fastify";
import { Hono } from "hono";
import { onTestFinished } from "vitest";
import { serve } from "../../../tests/runtimes.ts";
import type { RuntimeName } from "../../../tests/runtimes.ts";
import { Browser } from "./browser.ts";

export interface Visitor {
  readonly name: string;
  readonly visits: number;
}

export const cookie = cookieToken({ name: "app", secure: false });
export const GUEST: Visitor = { name: "guest", visits: 0 };

export interface Parts {
  readonly store?: SessionStore;
  /** The runtime of the sockets, which have a port of their own: cookies are for all ports of a host. */
  readonly runtime?: RuntimeName;
  readonly sessions?: Partial<SessionsOptions<Visitor>>;
  readonly http?: Partial<HttpSessionsOptions>;
  /** Takes the place of `httpSessions`' result, with a fault in it. */
  readonly broken?: (http: HttpSessions<Visitor>) => HttpSessions<Visitor>;
}

export interface Application {
  readonly base: string;
  readonly sessions: Sessions<Visitor>;
  readonly http: HttpSessions<Visitor>;
  readonly reports: string[];
  /** What the `change` handlers of the sockets were called with. */
  readonly changes: Visitor[];
  browser(origin?: string): Browser;
}

export const frameworks = ["node", "express", "fastify", "hono"] as const;
export type Framework = (typeof frameworks)[number];

const shown = (session: Session<Visitor> | undefined) => ({
  subject: session?.subject ?? null,
  data: session?.data ?? null,
});

const dataOf = (user: string): Visitor => ({ name: user, visits: 0 });

/** The routes: each framework has them in its own way. */
type Listening = (http: HttpSessions<Visitor>) => Promise<Server>;

const listeners: Readonly<Record<Framework, Listening>> = {
  async node(http) {
    const server = createServer((request, response) => {
      const answer = async (): Promise<unknown> => {
        switch (request.url) {
          case "/login": {
            const user = request.headers["x-user"];
            return shown(
              await http.login(request, response, dataOf(String(user)), { subject: String(user) }),
            );
          }
          case "/logout":
            return { destroyed: await http.logout(request, response) };
          case "/renew":
            return shown(await http.renew(request, response));
          case "/visit": {
            const session = await http.open(request);
            await session?.update((data) => ({ ...data, visits: data.visits + 1 }));
            return shown(session);
          }
          default:
            await http.open(request);
            return shown(http.of(request));
        }
      };
      response.setHeader("set-cookie", "theme=dark; Path=/");
      answer().then(
        (body) => response.setHeader("content-type", "application/json").end(JSON.stringify(body)),
        (error: unknown) => response.writeHead(Number(Object(error).status ?? 503)).end(),
      );
    });
    return listen(server);
  },

  async express(http) {
    const app = express();
    app.use((_, response, next) => {
      response.cookie("theme", "dark");
      next();
    });
    app.use(http.express({ property: "visitor" }));
    app.post("/login", async (request, response) => {
      const user = String(request.headers["x-user"]);
      response.json(shown(await http.login(request, response, dataOf(user), { subject: user })));
    });
    app.post("/logout", async (request, response) => {
      response.json({ destroyed: await http.logout(request, response) });
    });
    app.post("/renew", async (request, response) => {
      response.json(shown(await http.renew(request, response)));
    });
    app.post("/visit", async (request, response) => {
      await http.of(request)?.update((data) => ({ ...data, visits: data.visits + 1 }));
      response.json(shown(http.of(request)));
    });
    app.get("/{*path}", (request, response) => {
      if (Reflect.get(request, "visitor") !== http.of(request)) throw new Error("the property differs");
      response.json(shown(http.of(request)));
    });
    // Express prints errors in any other environment.
    app.set("env", "test");
    return listen(createServer(app));
  },

  async fastify(http) {
    const app = fastify();
    app.addHook("onRequest", async (_, reply) => void reply.header("set-cookie", "theme=dark; Path=/"));
    app.addHook("onRequest", http.fastify());
    app.post("/login", async (request, reply) => {
      const user = String(request.headers["x-user"]);
      return shown(await http.login(request, reply, dataOf(user), { subject: user }));
    });
    app.post("/logout", async (request, reply) => ({ destroyed: await http.logout(request, reply) }));
    app.post("/renew", async (request, reply) => shown(await http.renew(request, reply)));
    app.post("/visit", async (request) => {
      await http.of(request)?.update((data) => ({ ...data, visits: data.visits + 1 }));
      return shown(http.of(request));
    });
    app.get("/*", async (request) => {
      if (http.of(request.raw) !== http.of(request)) throw new Error("the raw request differs");
      return shown(http.of(request));
    });
    await app.listen({ host: "127.0.0.1", port: 0 });
    onTestFinished(() => app.close());
    return app.server;
  },

  async hono(http) {
    const app = new Hono<{ Variables: { visitor: Session<Visitor> | undefined } }>();
    app.use(async (c, next) => {
      c.header("set-cookie", "theme=dark; Path=/", { append: true });
      await next();
    });
    app.use(http.hono({ variable: "visitor" }));
    app.post("/login", async (c) => {
      const user = c.req.header("x-user") ?? "";
      return c.json(shown(await http.login(c.req.raw, c.res.headers, dataOf(user), { subject: user })));
    });
    app.post("/logout", async (c) => c.json({ destroyed: await http.logout(c.req.raw, c.res.headers) }));
    app.post("/renew", async (c) => c.json(shown(await http.renew(c.req.raw, c.res.headers))));
    app.post("/visit", async (c) => {
      await c.get("visitor")?.update((data) => ({ ...data, visits: data.visits + 1 }));
      return c.json(shown(c.get("visitor")));
    });
    app.get("*", (c) => {
      if (http.of(c) !== http.of(c.req.raw)) throw new Error("the raw request differs");
      return c.json(shown(c.get("visitor")));
    });
    const server = await new Promise<Server>((resolve) => {
      const started = serveHono({ fetch: app.fetch, hostname: "127.0.0.1", port: 0 }, () =>
        resolve(started as Server),
      );
    });
    return closing(server);
  },
};

async function listen(server: Server): Promise<Server> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return closing(server);
}

function closing(server: Server): Server {
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return server;
}

/** Starts the application on a framework. It ends with the test. */
export async function start(framework: Framework, parts: Parts = {}): Promise<Application> {
  const reports: string[] = [];
  const changes: Visitor[] = [];
  const sessions = createSessions<Visitor>({
    store: parts.store ?? mapStore(),
    token: cookie,
    initial: () => GUEST,
    onError: (error, { stage }) => reports.push(`${stage}: ${String(error)}`),
    ...parts.sessions,
  });
  const own = httpSessions(sessions, { cookie, ...parts.http });
  const http = parts.broken?.(own) ?? own;
  const server = await listeners[framework](http);
  const sockets = await serve(parts.runtime ?? "ws", sessions, {
    change: (_, data) => changes.push(data),
    async message(connection, text) {
      if (text === "visit")
        await connection.session?.update((data) => ({ ...data, visits: data.visits + 1 }));
      connection.send(JSON.stringify(shown(connection.session)));
    },
  });
  const { port } = server.address() as AddressInfo;
  const base = `http://127.0.0.1:${port}`;
  const socketBase = `ws://127.0.0.1:${sockets.port}`;
  const browser = (origin?: string) => new Browser(base, socketBase, origin);
  return { base, sessions, http, reports, changes, browser };
}
