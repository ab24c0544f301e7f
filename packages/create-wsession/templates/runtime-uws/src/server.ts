/** One port for the page and the WebSockets, on uWebSockets.js. */
import { bindSessions } from "@wsession/adapter-uws";
import uWS from "uWebSockets.js";
import type { HttpRequest, HttpResponse, ListenOptions, us_listen_socket } from "uWebSockets.js";
import { handlers } from "./handlers.ts";
import { Body, statusOf, toRequest } from "./requests.ts";
import type { AppSessions } from "./sessions.ts";

/** `uWS.LIBUS_LISTEN_EXCLUSIVE_PORT`, which the runtime's types lack. Without it, two programs could listen on one port. */
const EXCLUSIVE_PORT: ListenOptions = 1;

type Routes = (request: Request) => Promise<Response>;

export async function listen(port: number, routes: Routes, sessions: AppSessions) {
  const app = uWS.App();
  bindSessions(app, "/live", sessions, handlers);
  app.any("/*", (outgoing, incoming) => {
    void answer(outgoing, incoming, routes);
  });
  const socket = await new Promise<us_listen_socket>((resolve, reject) => {
    app.listen(port, EXCLUSIVE_PORT, (opened) => {
      if (opened) resolve(opened);
      else reject(new Error(`port ${port} is in use`));
    });
  });
  return {
    port: uWS.us_socket_local_port(socket),
    async close(): Promise<void> {
      app.close();
    },
  };
}

async function answer(outgoing: HttpResponse, incoming: HttpRequest, routes: Routes): Promise<void> {
  const gone = new AbortController();
  outgoing.onAborted(() => gone.abort());
  try {
    // The request is valid until the first await, so it is read before that.
    const head = readHead(incoming);
    const { method } = head;
    const body = method === "GET" || method === "HEAD" ? null : await readBody(outgoing);
    // A login whose client has gone destroys its session, because no browser has the token.
    const init = { method, headers: head.headers, body, signal: gone.signal };
    const response = await routes(toRequest(head.path, init));
    const bytes = await response.arrayBuffer();
    if (gone.signal.aborted) return;
    outgoing.cork(() => {
      outgoing.writeStatus(`${response.status} ${response.statusText}`.trim());
      for (const [name, value] of response.headers) outgoing.writeHeader(name, value);
      outgoing.end(bytes);
    });
  } catch (error) {
    const status = statusOf(error);
    if (!gone.signal.aborted) outgoing.cork(() => outgoing.writeStatus(String(status)).end());
  }
}

function readHead(incoming: HttpRequest) {
  const headers = new Headers();
  incoming.forEach((name, value) => headers.append(name, value));
  const query = incoming.getQuery();
  const path = `${incoming.getUrl()}${query ? `?${query}` : ""}`;
  return { path, headers, method: incoming.getCaseSensitiveMethod().toUpperCase() };
}

async function readBody(outgoing: HttpResponse): Promise<string> {
  const whole = await new Promise<Body>((resolve) => {
    const body = new Body();
    outgoing.onData((chunk, isLast) => {
      // The runtime reuses the memory of a chunk, so the chunk is copied.
      body.add(Buffer.from(chunk.slice(0)));
      if (isLast) resolve(body);
    });
  });
  return whole.text();
}
