/** Clients that leave during a login, on servers that report this in other ways than `node:http`. */
import { once } from "node:events";
import { createServer as createHttp2Server, connect as connectHttp2 } from "node:http2";
import { connect } from "node:net";
import type { AddressInfo, Server } from "node:net";
import { serve } from "@hono/node-server";
import { deferred } from "@wsession/conformance";
import { cookieToken, createSessions, mapStore } from "@wsession/core";
import { httpSessions } from "@wsession/http";
import type { AnyRequest, AnyResponse } from "@wsession/http";
import { Hono } from "hono";
import { expect, onTestFinished, test } from "vitest";
import { newGap } from "../../../tests/gaps.ts";
import { withGap } from "../../../tests/held.ts";

const cookie = cookieToken({ name: "app", secure: false });
const origin = "https://app.example.com";
const HOST = "127.0.0.1";

/** Sends a request, and returns the function that leaves. */
type Send = (port: number) => () => void;
/** What a server does with a request. `gone` resolves once the server has reported that the client has gone. */
type Use = (request: AnyRequest, response: AnyResponse, gone: Promise<unknown>) => Promise<unknown>;

const overHttp1: Send = (port) => {
  const socket = connect(port, HOST);
  socket.on("error", () => undefined);
  socket.write(`POST / HTTP/1.1\r\nHost: ${HOST}\r\nOrigin: ${origin}\r\nContent-Length: 1\r\n\r\nx`);
  return () => void socket.destroy();
};

const overHttp2: Send = (port) => {
  const session = connectHttp2(`http://${HOST}:${port}`);
  session.on("error", () => undefined);
  const stream = session.request({ ":method": "POST", ":path": "/", origin });
  stream.on("error", () => undefined);
  stream.end("x");
  return () => session.destroy();
};

function honoOf(use: Use): Hono {
  const app = new Hono();
  app.post("/", async (c) => {
    const { raw } = c.req;
    await use(raw, c.res.headers, once(raw.signal, "abort"));
    return c.text("x");
  });
  return app;
}

const servers: Readonly<
  Record<string, { readonly start: (use: Use) => Server; readonly send: Send; readonly noCookie: unknown }>
> = {
  Hono: {
    start: (use) => serve({ fetch: honoOf(use).fetch, hostname: HOST, port: 0 }),
    send: overHttp1,
    noCookie: [],
  },
  "Hono over HTTP/2": {
    start: (use) =>
      serve({ fetch: honoOf(use).fetch, hostname: HOST, port: 0, createServer: createHttp2Server }),
    noCookie: [],
    send: overHttp2,
  },
  "node:http2": {
    noCookie: undefined,
    start: (use) =>
      createHttp2Server((request, response) => {
        void use(request, response, once(response, "close"));
      }).listen(0, HOST),
    send: overHttp2,
  },
};

test.each(Object.keys(servers))(
  "if the client leaves during its login on %s, no session stays that no browser can end, and renew keeps its token",
  async (name) => {
    const { start, send, noCookie } = servers[name] ?? expect.unreachable();
    const gap = newGap();
    const reports: unknown[] = [];
    const sessions = createSessions<{ readonly n: number }>({
      store: withGap(mapStore(), "create", "after", gap),
      token: cookie,
      origins: [origin],
      onError: (error) => reports.push(error),
    });
    onTestFinished(() => sessions.close());
    const http = httpSessions(sessions, { cookie });
    const done = deferred<unknown[]>();
    let leave = (): void => undefined;
    const server = start(async (request, response, gone) => {
      const login = http.login(request, response, { n: 1 }, { subject: "ada" });
      await gap.reached;
      leave();
      await gone;
      gap.letGo();
      const { id } = await login;
      const found: unknown[] = [await sessions.get(id), await sessions.bySubject("ada")];
      const { token } = await sessions.create({ n: 2 });
      const headers = { cookie: `app=${token}`, origin };
      const again = request instanceof Request ? new Request(request, { headers }) : { headers };
      found.push((await http.renew(again, response))?.data);
      found.push(
        "getHeader" in response
          ? response.getHeader("set-cookie")
          : new Headers(response as Headers).getSetCookie(),
      );
      done.resolve(found);
    });
    onTestFinished(() => void server.close());
    if (!server.listening) await once(server, "listening");
    leave = send((server.address() as AddressInfo).port);
    expect(await done.promise).toEqual([undefined, [], { n: 2 }, noCookie]);
    expect(reports).toEqual([]);
  },
);
