/** One port for the page and the WebSockets, on node:http and ws. */
import { once } from "node:events";
import { createServer } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import { bindSessions } from "@wsession/adapter-ws";
import { WebSocketServer } from "ws";
import { handlers } from "./handlers.ts";
import type { AppSessions } from "./sessions.ts";

const MAX_BODY_BYTES = 16 * 1024;

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
      server.closeIdleConnections();
      await once(server, "close");
    },
  };
}

async function answer(incoming: IncomingMessage, outgoing: ServerResponse, routes: Routes): Promise<void> {
  try {
    const response = await routes(await toRequest(incoming));
    const cookies = response.headers.getSetCookie();
    outgoing.writeHead(response.status, {
      ...Object.fromEntries(response.headers),
      ...(cookies.length > 0 ? { "set-cookie": cookies } : {}),
    });
    outgoing.end(Buffer.from(await response.arrayBuffer()));
  } catch (error) {
    console.error(error);
    if (!outgoing.headersSent) outgoing.writeHead(500);
    outgoing.end();
  }
}

async function toRequest(incoming: IncomingMessage): Promise<Request> {
  const headers = new Headers();
  for (const [name, value] of Object.entries(incoming.headers)) headers.set(name, String(value));
  const { method = "GET", url = "/" } = incoming;
  const body = method === "GET" || method === "HEAD" ? null : await read(incoming);
  return new Request(new URL(url, "http://localhost"), { method, headers, body });
}

async function read(incoming: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    bytes += chunk.byteLength;
    if (bytes > MAX_BODY_BYTES) throw new Error("the body of a request is too long");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}
