/** One port for the page and the WebSockets, on node:http and ws. */
import { once } from "node:events";
import { createServer } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import { bindSessions } from "@wsession/adapter-ws";
import { WebSocketServer } from "ws";
import { handlers } from "./handlers.ts";
import { Body, RequestError, statusOf, toRequest } from "./requests.ts";
import type { AppSessions } from "./sessions.ts";

type Routes = (request: Request) => Promise<Response>;

export async function listen(port: number, routes: Routes, sessions: AppSessions) {
  const server = createServer((request, response) => {
    void answer(request, response, routes);
  });
  const sockets = new WebSocketServer({ server, path: "/live", maxPayload: 64 * 1024 });
  bindSessions(sockets, sessions, handlers);
  server.listen(port);
  await once(server, "listening");
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("the server has no port");
  return {
    port: address.port,
    async close(): Promise<void> {
      sockets.close();
      server.close();
      // Node waits without a limit for a client whose request is not complete, so the remaining connections end after 5 s.
      const late = setTimeout(() => server.closeAllConnections(), 5_000);
      await once(server, "close");
      clearTimeout(late);
    },
  };
}

async function answer(incoming: IncomingMessage, outgoing: ServerResponse, routes: Routes): Promise<void> {
  const gone = new AbortController();
  outgoing.once("close", () => gone.abort());
  try {
    const response = await routes(await read(incoming, gone.signal));
    const cookies = response.headers.getSetCookie();
    outgoing.writeHead(response.status, {
      ...Object.fromEntries(response.headers),
      ...(cookies.length > 0 ? { "set-cookie": cookies } : {}),
    });
    outgoing.end(Buffer.from(await response.arrayBuffer()));
  } catch (error) {
    const status = statusOf(error);
    if (!outgoing.headersSent) outgoing.writeHead(status);
    outgoing.end();
  }
}

/** `gone` is aborted when the client leaves. A login then destroys its session, because no browser has the token. */
async function read(incoming: IncomingMessage, gone: AbortSignal): Promise<Request> {
  const headers = new Headers();
  for (const [name, value] of Object.entries(incoming.headers)) headers.set(name, String(value));
  const { method = "GET", url = "/" } = incoming;
  const body = method === "GET" || method === "HEAD" ? null : await readBody(incoming);
  return toRequest(url, { method, headers, body, signal: gone });
}

async function readBody(incoming: IncomingMessage): Promise<string> {
  const body = new Body();
  try {
    for await (const chunk of incoming as AsyncIterable<Buffer>) body.add(chunk);
  } catch {
    throw new RequestError(400, "the client has left before the end of its request");
  }
  return body.text();
}
